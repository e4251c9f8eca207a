/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The core that DKMS, a package or a person installed for the running kernel. */
#pragma once

#include "vkerneld/failure.h"

#define CORE_MODULE "vkernel"

typedef struct Installed {
	char *path; /* maybe compressed */
	char *symvers; /* what it exports, as a Module.symvers */
} Installed;

void installed_done(Installed *i);
#define _cleanup_installed_ _cleanup_(installed_done)

/*
 * Looks where modprobe would, in the folder of modules (/lib/modules). It serves if it has this
 * daemon's version, was built for that release and, while a core is loaded (/sys/module/vkernel),
 * is made of the same sources as that. If it does not, f says why.
 */
int installed_find(const char *modules, const char *release, const char *loaded, Installed *ret,
		   Failure *f);
