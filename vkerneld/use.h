/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which containers run on a policy. The module need not tell: where a container's own configuration
 * adds rules, its module is made of them and of the policy.
 */
#pragma once

#include "vkerneld/build/hash.h"
#include "vkerneld/manager.h"

typedef struct Use {
	KernelInstance *instances; /* the kernel's */
	char **policies; /* of each, the one that it was bound to; NULL where that is not known */
	char (*digests)[HASH_HEX_SIZE]; /* of their modules */
	size_t n;
} Use;

/* Without the core there is none. Negative errno of the kernel's or the database's. */
int use_read(Manager *m, Use *ret);
void use_done(Use *u);
#define _cleanup_use_ _cleanup_(use_done)

/* digest: of the policy, in hexadecimal. */
bool use_is_of(const Use *u, size_t i, const char *policy, const char *digest);
size_t use_count(const Use *u, const char *policy, const char *digest);
