/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What stays in the cache: what is used now, and of all else, up to CacheMax=, what was used last.
 */
#pragma once

#include <sys/utsname.h>

#include "vkerneld/failure.h"
#include "vkerneld/manager.h"
#include "vkerneld/names.h"

typedef enum KeepUse {
	KEEP_FREE,
	KEEP_NEEDED, /* by builds under way, or by those to come: the core and the template; or made elsewhere */
	KEEP_LOADED,
} KeepUse;

/* A module that was made. */
typedef struct KeepEntry {
	char key[HASH_HEX_SIZE];
	char digest[HASH_HEX_SIZE]; /* of the policy, or "core", or "template" */
	char content[HASH_HEX_SIZE];
	char module[MODULE_NAME_SIZE];
	char kernel[sizeof((struct utsname){}.release)];
	int64_t size, made, last_use;
	bool imported; /* another host made it */
	KeepUse use;
	bool there; /* nobody took the file away */
} KeepEntry;

/* The one that was not used for the longest time first. */
int keep_list(Manager *m, KeepEntry **ret, size_t *ret_n, Failure *f);

/* Of what nothing is known but its key, module and kernel are empty. reason: a word for programs.
 */
typedef int (*KeepFunc)(const KeepEntry *e, const char *reason, void *userdata);

/*
 * Removes what is left of kernels that are gone, what nobody knows of, and what goes beyond the
 * limit; also forgets what is not there any more. Tells func of each, where it is not NULL.
 */
int keep_collect(Manager *m, KeepFunc func, void *userdata, Failure *f);

/* What somebody wants gone. It must not be used; the template may have to be made anew then. */
int keep_remove(Manager *m, const KeepEntry *e);

/* At start: removes as keep_collect() does, but forgets nothing; a folder may come back. */
int keep_start(Manager *m);

/* The cache has grown, or may be as large no more: what is too much goes when there is time. */
void keep_grown(void *manager);
