/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What profiles on system calls became: libseccomp takes longer over one than all else that a
 * container's start takes from the daemon, and the same profile comes with most containers.
 */
#pragma once

#include "vkerneld/build/hash.h"
#include "vkerneld/profile/policy.h"

typedef struct Readings Readings;

Readings *readings_new(void);
Readings *readings_free(Readings *r);

/* All that decides what becomes of it; the kernel is always the one that runs. */
void reading_key(const char *profile, size_t size, const char *const *capabilities,
		 char ret[HASH_HEX_SIZE]);

/* A copy, for free(); -ENOENT if it was not read before, or long ago. */
int reading_recall(Readings *r, const char *key, Policy **ret);
/* It is no matter if this fails. */
void reading_remember(Readings *r, const char *key, const Policy *p);
