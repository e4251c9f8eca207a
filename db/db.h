/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the daemon remembers. Nothing outside of this folder speaks SQL. Times are microseconds
 * since 1970.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/util.h"

typedef struct Db Db;

/* Strings of what a function below returns are owned; those of callbacks live until they return. */
typedef struct DbBlob {
	void *data; /* NULL: there is none */
	size_t size;
} DbBlob;

typedef struct DbPolicy {
	char *name, *digest;
	char *profile; /* on system calls; empty: it has no such part */
	int64_t added;
	char *apparmor, *apparmor_profile; /* or NULL */
	bool allow_unmediated, exec_inherit;
	DbBlob confinement; /* what became of apparmor */
	char *compiled; /* by what; NULL without apparmor */
} DbPolicy;

typedef struct DbBuild {
	char *key, *digest, *kernel, *outcome, *output, *content;
	char *imported; /* who signed it, or empty; NULL: it was made here */
	int64_t started, duration_ms, size, last_use;
} DbBuild;

typedef struct DbInstance {
	int64_t instance;
	char *container, *image, *policy, *digest;
	int64_t bound;
	char *apparmor; /* the profile of its own that it enforces, or NULL */
} DbInstance;

/* What a container brought along when it was bound. */
typedef struct DbOrigin {
	char *capabilities; /* a JSON array */
	DbBlob own; /* the canonical policy of its own configuration, if it has one */
} DbOrigin;

void db_policy_done(DbPolicy *p);
void db_build_done(DbBuild *b);
void db_instance_done(DbInstance *i);
void db_origin_done(DbOrigin *o);
#define _cleanup_db_policy_ _cleanup_(db_policy_done)
#define _cleanup_db_build_ _cleanup_(db_build_done)
#define _cleanup_db_instance_ _cleanup_(db_instance_done)
#define _cleanup_db_origin_ _cleanup_(db_origin_done)

typedef int (*DbPolicyFunc)(const DbPolicy *p, bool built, void *userdata);
typedef int (*DbImageFunc)(const char *policy, const char *pattern, void *userdata);
typedef int (*DbBuildFunc)(const DbBuild *b, void *userdata);
typedef int (*DbInstanceFunc)(const DbInstance *i, void *userdata);
typedef int (*DbStringFunc)(const char *s, void *userdata);

/*
 * Opens the database, or makes one, and brings its schema up to date. -EPROTONOSUPPORT for one that
 * a newer version wrote, -EUCLEAN for a damaged one, -EBADMSG for a damaged log beside it, -EBUSY
 * for one that another process has locked, -EROFS and -EACCES where it can not be written or
 * opened, -ENOSPC on a full disk: it is left as it is then, and ret_error, to be freed, says what
 * to do.
 *
 * What a function below has returned success for outlives a loss of power; what was under way then
 * is there as a whole, or not at all.
 */
int db_open(const char *path, Db **ret, char **ret_error);
/* Was there none before? */
bool db_made(const Db *db);
/* The same words as ret_error's, for what a function below returned; to be freed, or NULL. */
char *db_explain(Db *db, int r);
Db *db_free(Db *db);

static inline void db_freep(Db **db)
{
	db_free(*db);
}
#define _cleanup_db_ _cleanup_(db_freep)

/* Steps of the schema: step i leads to version i + 1. For the tests. */
int db_open_steps(const char *path, const char *const *steps, size_t n, Db **ret, char **ret_error);
int db_version(Db *db);

/*
 * Functions that look for one thing return -ENOENT when it is not there. -ENOSPC, -EIO, -EUCLEAN
 * and the like tell what the disk made of it.
 */

/*
 * What is read in between is of one moment, and costs less. Nothing may be written then. Without
 * memory for it, each reading is of its own moment.
 */
void db_view(Db *db);
void db_view_end(Db *db);

/* Replaces a policy of that name, and the patterns mapped to it, which move from other policies. */
int db_policy_put(Db *db, const DbPolicy *p, const char *const *patterns);
/* What became of one's AppArmor part when it was compiled anew. */
int db_policy_compiled(Db *db, const char *name, const char *digest, const DbBlob *confinement,
		       const char *compiled);
int db_policy_get(Db *db, const char *name, DbPolicy *ret);
int db_policy_remove(Db *db, const char *name);
/* By their names. Of its texts each has the first letter; built: for the kernel. */
int db_policies(Db *db, const char *kernel, DbPolicyFunc func, void *userdata);

int db_images(Db *db, const char *policy, DbStringFunc func, void *userdata);
/* By policies, then patterns. */
int db_images_all(Db *db, DbImageFunc func, void *userdata);
/* The policy mapped to an image: by its reference, or by the longest glob that matches it. */
int db_image_policy(Db *db, const char *image, char **ret_policy);
/* The policy that a pattern is mapped to. */
int db_pattern_policy(Db *db, const char *pattern, char **ret_policy);

/* A build begins; what is known of an earlier one with the key is forgotten. */
int db_build_start(Db *db, const char *key, const char *digest, const char *kernel, int64_t now);
int db_build_ok(Db *db, const char *key, int64_t duration_ms, int64_t size, const char *content);
int db_build_failed(Db *db, const char *key, int64_t duration_ms, const char *output);
/* Another host made it. signer: empty if nobody signed it. */
int db_build_imported(Db *db, const char *key, const char *signer);
int db_build_used(Db *db, const char *key, int64_t now);
int db_build_get(Db *db, const char *key, DbBuild *ret);
int db_build_remove(Db *db, const char *key);
int db_builds(Db *db, DbBuildFunc func, void *userdata);
/* Of all modules that were made. */
int db_builds_size(Db *db, int64_t *ret);
/* Has any build of the digest for the kernel succeeded? */
bool db_build_exists(Db *db, const char *digest, const char *kernel);
/* At start: no build can be under way. Returns how many were. */
int db_builds_interrupted(Db *db);

/* origin: NULL where it is not known. */
int db_instance_put(Db *db, const char *boot, const DbInstance *i, const DbOrigin *origin);
/* The instance runs on another policy from now on; name: NULL where that is not known. */
int db_instance_policy(Db *db, const char *boot, int64_t instance, const char *name,
		       const char *digest);
/* -ENODATA where it is not known. */
int db_instance_origin(Db *db, const char *boot, int64_t instance, DbOrigin *ret);
/* Its policy was used until now, too. */
int db_instance_end(Db *db, const char *boot, int64_t instance, int64_t now);
/* Ends all of other boots, and forgets what ended long ago. */
int db_instances_other_boots(Db *db, const char *boot, int64_t now);
int db_instance_get(Db *db, const char *boot, int64_t instance, DbInstance *ret);
/* Those that have not ended, by their numbers. */
int db_instances(Db *db, const char *boot, DbInstanceFunc func, void *userdata);
