/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What took long to make of profiles: libseccomp's work on those on system calls, and the product
 * of automata that masks paths. The same ones come with most containers, whose start waits for it.
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
