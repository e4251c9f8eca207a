/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What it takes to compile a module for the kernel that runs. */
#pragma once

#include <stdbool.h>

#include "vkerneld/failure.h"

/* The kernel that runs. */
typedef struct Host {
	char *release;
	char *build_id; /* hex */
	char *boot; /* id of this boot */
} Host;

int host_read(Host *ret);
/* The GNU build id among the notes of a file. */
int host_build_id(const char *notes, char **ret);
void host_done(Host *h);

typedef struct Toolchain {
	char *headers; /* /lib/modules/RELEASE/build */
	char *cc, *make; /* paths */
	char *cc_version; /* its first line */
} Toolchain;

void toolchain_done(Toolchain *t);
#define _cleanup_toolchain_ _cleanup_(toolchain_done)

/*
 * Looks in the folder of modules (/lib/modules) and in the folders of path, which is like $PATH.
 * What is missing becomes KernelMissing or BuildFailed, with the package to install as the hint.
 */
int toolchain_find(const char *modules, const char *path, const char *release, Toolchain *ret,
		   Failure *f);

/* Is CONFIG_name=y in the headers' configuration? */
bool toolchain_config(const Toolchain *t, const char *name);
/* A string of it, or NULL. */
char *toolchain_config_string(const Toolchain *t, const char *name);
