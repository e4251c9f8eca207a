/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From texts, or from the name that a container's configuration asks for, to confinements. */
#pragma once

#include "vkerneld/apparmor/compile.h"
#include "vkerneld/apparmor/confine.h"

/*
 * What compile.h, unpack.h and confine.h do, one after the other. -ENOPKG without a parser, -ENOENT
 * when the text has no such profile.
 */
int armor_from_text(const ArmorCompiler *c, const char *text, size_t size,
		    const ArmorChoice *choice, struct vk_confinement **ret, ProfileReport *report);

/*
 * Looks for the profile in the files of c->includes, as the host's own are, then among those that
 * container engines generate. Returns 0 and what armor_confine() does; -ENXIO if there is none;
 * what armor_from_text() returns for a file that has it, or may have it; report->error says more.
 */
int armor_from_name(const ArmorCompiler *c, const char *name, struct vk_confinement **ret,
		    ProfileReport *report);
