/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the core and image modules are compiled of; it comes with the daemon. */
#pragma once

#include "vkerneld/build/hash.h"

#define SOURCES_HEADER "proto/vkernel_genl.h"

typedef struct Sources {
	char *kmod, *header; /* paths */
	char core[HASH_HEX_SIZE];
	char image[HASH_HEX_SIZE]; /* of image modules, but for the policy */
} Sources;

/* folder: where kmod/ and proto/ are. */
int sources_find(const char *folder, Sources *ret);
void sources_done(Sources *s);
