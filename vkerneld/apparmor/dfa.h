/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An automaton as AppArmor's compiler packs it, to the form that the core walks. */
#pragma once

#include <vkernel/dfa.h>

#include "vkerneld/profile/report.h"

/*
 * Reads a set of tables. Returns 0 and an automaton that vk_dfa_valid() accepts, for free();
 * -EINVAL for one that is malformed, -EOPNOTSUPP for kinds that the parser makes only if asked.
 */
int dfa_read(const void *packed, size_t size, struct vk_dfa **ret, ProfileReport *report);
