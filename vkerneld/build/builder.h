/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Turns policies, and the core where none is installed, into modules for the running kernel. Kbuild
 * makes the core and a template; policies go into the template. Who asks for the same shares a
 * build; so many go on at once, and so many wait, as configured.
 */
#pragma once

#include <sys/types.h>

#include <systemd/sd-event.h>

#include "db/db.h"
#include "vkerneld/build/hash.h"
#include "vkerneld/build/installed.h"
#include "vkerneld/build/signing.h"
#include "vkerneld/build/toolchain.h"
#include "vkerneld/profile/policy.h"

typedef struct Builder Builder;

typedef struct BuilderConfig {
	const char *cache; /* /var/cache/vkernel */
	const char *sources; /* where kmod/ and proto/ are */
	const char *modules; /* /lib/modules */
	const char *loaded; /* /sys/module/vkernel */
	const char *path; /* where programs are */
	uid_t uid; /* of builds; 0: the daemon's own */
	gid_t gid;
	unsigned int timeout; /* seconds */
	unsigned int builds_max; /* that compile at once, and that are signed */
	unsigned int queue_max; /* that wait; who asks for more is refused */
	bool kbuild; /* makes policies' modules, too, in the place of the template */
	Signer signer;
	void (*grown)(void *userdata); /* the cache has another entry; NULL: nobody asks */
	void *userdata;
} BuilderConfig;

typedef struct BuildResult {
	const Failure *failure; /* NULL for a success */
	const char *key, *module;
	bool cached;
	const char *imported; /* who signed it, or empty; NULL: it was made here */
} BuildResult;

/* May be called before builder_request() returns, for what the cache has. */
typedef void (*BuilderDone)(const BuildResult *result, void *userdata);

/*
 * What it is given must live as long as it does. The configuration may change, but for the paths:
 * a build under way goes on as it began.
 */
int builder_new(sd_event *event, const BuilderConfig *config, const Host *host, Db *db,
		Builder **ret);
/* Builds under way are killed; nobody who waits is called. */
Builder *builder_free(Builder *b);

/* policy: NULL for the core. On a negative errno done is not called, and f says why. */
int builder_request(Builder *b, const Policy *policy, BuilderDone done, void *userdata, Failure *f);

/* Makes the template now, if it can be, so that no policy waits for it. */
void builder_prepare(Builder *b);

/* Is it there? Then policies need no compiler. */
bool builder_has_template(Builder *b);

/* What the next modules are made of; empty where that is not known. */
typedef struct BuilderKeys {
	char core[HASH_HEX_SIZE], template[HASH_HEX_SIZE];
} BuilderKeys;

void builder_keys(Builder *b, BuilderKeys *ret);

/* Does a build under way make or need it? */
bool builder_works_on(const Builder *b, const char *key);

/* A module that was built just now or before, verified, to load it. */
int builder_open(Builder *b, const char *key, const char *module);

/* Looked for each time: it may come, and be replaced, at any moment. */
int builder_installed(Builder *b, Installed *ret, Failure *f);

/* Found anew each time until all is there. */
int builder_toolchain(Builder *b, const Toolchain **ret, Failure *f);
