/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fnmatch.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "db/sql.h"

#define KEEP_ENDED (30ll * 24 * 3600 * 1000000)

enum statement {
	VIEW,
	BEGIN,
	COMMIT,
	ROLLBACK,
	POLICY_PUT,
	POLICY_GET,
	POLICY_COMPILED,
	POLICY_REMOVE,
	POLICIES,
	IMAGE_PUT,
	IMAGES_CLEAR,
	IMAGES,
	IMAGES_ALL,
	IMAGE_PATTERNS,
	BUILD_START,
	BUILD_END,
	BUILD_IMPORTED,
	BUILD_USED,
	BUILD_GET,
	BUILD_REMOVE,
	BUILDS,
	BUILDS_SIZE,
	BUILDS_USED,
	BUILDS_USED_OTHERS,
	BUILD_EXISTS,
	BUILDS_INTERRUPTED,
	INSTANCE_PUT,
	INSTANCE_POLICY,
	INSTANCE_ORIGIN,
	INSTANCE_END,
	INSTANCES_END_OTHERS,
	INSTANCES_FORGET,
	INSTANCE_GET,
	INSTANCES,
	N_STATEMENTS
};

#define POLICY_COLUMNS                                                                 \
	"name, digest, profile, added, apparmor, apparmor_profile, allow_unmediated, " \
	"exec_inherit, confinement, compiled"
#define BUILD_COLUMNS                                                                           \
	"key, digest, kernel, outcome, output, content, started, duration_ms, size, last_use, " \
	"imported"
#define INSTANCE_COLUMNS "instance, container, image, policy, digest, bound, apparmor"

static const char *const sql[N_STATEMENTS] = {
	[VIEW] = "BEGIN DEFERRED",
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[POLICY_PUT] = "INSERT INTO policies (" POLICY_COLUMNS ") "
		       "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) "
		       "ON CONFLICT (name) DO UPDATE SET digest = ?2, profile = ?3, added = ?4, "
		       "apparmor = ?5, apparmor_profile = ?6, allow_unmediated = ?7, "
		       "exec_inherit = ?8, confinement = ?9, compiled = ?10",
	[POLICY_GET] = "SELECT " POLICY_COLUMNS " FROM policies WHERE name = ?1",
	[POLICY_COMPILED] = "UPDATE policies SET digest = ?2, confinement = ?3, compiled = ?4 "
			    "WHERE name = ?1",
	[POLICY_REMOVE] = "DELETE FROM policies WHERE name = ?1",
	[POLICIES] = "SELECT name, digest, substr(profile, 1, 1), added, substr(apparmor, 1, 1), "
		     "apparmor_profile, allow_unmediated, exec_inherit, NULL, compiled, "
		     "digest IN (SELECT digest FROM builds WHERE kernel = ?1 AND outcome = 'ok') "
		     "FROM policies ORDER BY name",
	[IMAGE_PUT] = "INSERT OR REPLACE INTO images (pattern, policy) "
		      "SELECT ?1, id FROM policies WHERE name = ?2",
	[IMAGES_CLEAR] = "DELETE FROM images WHERE policy = "
			 "(SELECT id FROM policies WHERE name = ?1)",
	[IMAGES] = "SELECT pattern FROM images JOIN policies ON policies.id = images.policy "
		   "WHERE name = ?1 ORDER BY pattern",
	[IMAGES_ALL] = "SELECT name, pattern FROM images "
		       "JOIN policies ON policies.id = images.policy ORDER BY name, pattern",
	[IMAGE_PATTERNS] = "SELECT pattern, name FROM images "
			   "JOIN policies ON policies.id = images.policy "
			   "ORDER BY length(pattern) DESC, pattern",
	[BUILD_START] = "INSERT OR REPLACE INTO builds "
			"(key, digest, kernel, outcome, started, last_use) "
			"VALUES (?1, ?2, ?3, 'building', ?4, ?4)",
	[BUILD_END] = "UPDATE builds SET outcome = ?2, duration_ms = ?3, size = ?4, content = ?5, "
		      "output = ?6 WHERE key = ?1",
	[BUILD_IMPORTED] = "UPDATE builds SET imported = ?2 WHERE key = ?1",
	[BUILD_USED] = "UPDATE builds SET last_use = ?2 WHERE key = ?1",
	[BUILD_GET] = "SELECT " BUILD_COLUMNS " FROM builds WHERE key = ?1",
	[BUILD_REMOVE] = "DELETE FROM builds WHERE key = ?1",
	[BUILDS_SIZE] = "SELECT coalesce(sum(size), 0) FROM builds WHERE outcome = 'ok'",
	[BUILDS_USED] = "UPDATE builds SET last_use = ?3 WHERE digest = (SELECT digest "
			"FROM instances WHERE boot = ?1 AND instance = ?2 AND ended IS NULL)",
	[BUILDS_USED_OTHERS] = "UPDATE builds SET last_use = ?2 WHERE digest IN (SELECT digest "
			       "FROM instances WHERE boot <> ?1 AND ended IS NULL)",
	[BUILDS] = "SELECT " BUILD_COLUMNS " FROM builds ORDER BY started, key",
	[BUILD_EXISTS] = "SELECT 1 FROM builds WHERE digest = ?1 AND kernel = ?2 "
			 "AND outcome = 'ok' LIMIT 1",
	[BUILDS_INTERRUPTED] = "UPDATE builds SET outcome = 'failed', output = 'interrupted' "
			       "WHERE outcome = 'building'",
	[INSTANCE_PUT] = "INSERT INTO instances "
			 "(boot, instance, container, image, policy, digest, bound, capabilities, "
			 "own, apparmor) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
	[INSTANCE_POLICY] = "UPDATE instances SET policy = ?3, digest = ?4 "
			    "WHERE boot = ?1 AND instance = ?2 AND ended IS NULL",
	[INSTANCE_ORIGIN] = "SELECT capabilities, own FROM instances "
			    "WHERE boot = ?1 AND instance = ?2 AND ended IS NULL",
	[INSTANCE_END] = "UPDATE instances SET ended = ?3, own = NULL "
			 "WHERE boot = ?1 AND instance = ?2 AND ended IS NULL",
	[INSTANCES_END_OTHERS] = "UPDATE instances SET ended = ?2, own = NULL "
				 "WHERE boot <> ?1 AND ended IS NULL",
	[INSTANCES_FORGET] = "DELETE FROM instances WHERE ended < ?1",
	[INSTANCE_GET] = "SELECT " INSTANCE_COLUMNS " FROM instances "
			 "WHERE boot = ?1 AND instance = ?2 AND ended IS NULL",
	[INSTANCES] = "SELECT " INSTANCE_COLUMNS " FROM instances "
		      "WHERE boot = ?1 AND ended IS NULL ORDER BY instance",
};

_Static_assert(N_STATEMENTS <= SQL_STATEMENTS_MAX, "a statement has its place in struct Db");

/* A statement is in use from prepare() to release(): each has one user at a time. */
static int prepare(Db *db, enum statement which, sqlite3_stmt **ret)
{
	sqlite3_stmt **s = &db->statements[which];

	if (!*s) {
		int r = sqlite3_prepare_v3(db->handle, sql[which], -1, SQLITE_PREPARE_PERSISTENT, s,
					   NULL);

		if (r != SQLITE_OK)
			return sql_errno(r);
	}
	*ret = *s;
	return 0;
}

static void release(sqlite3_stmt **s)
{
	if (!*s)
		return;
	sqlite3_reset(*s);
	sqlite3_clear_bindings(*s);
}
#define _cleanup_stmt_ _cleanup_(release)

/* Values: a string per 's' of the format, an int64_t per 'i', a const DbBlob * per 'b'. */
static int prepare_with(Db *db, enum statement which, sqlite3_stmt **ret, const char *format,
			va_list ap)
{
	const DbBlob *blob;
	int r;

	r = prepare(db, which, ret);
	for (int i = 1; r >= 0 && format[i - 1]; i++)
		switch (format[i - 1]) {
		case 's':
			r = sql_errno(sqlite3_bind_text(*ret, i, va_arg(ap, const char *), -1,
							SQLITE_STATIC));
			break;
		case 'b':
			blob = va_arg(ap, const DbBlob *);
			r = sql_errno(sqlite3_bind_blob64(*ret, i, blob->data, blob->size,
							  SQLITE_STATIC));
			break;
		default:
			r = sql_errno(sqlite3_bind_int64(*ret, i, va_arg(ap, int64_t)));
		}
	return r;
}

static int start(Db *db, enum statement which, sqlite3_stmt **ret, const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = prepare_with(db, which, ret, format, ap);
	va_end(ap);
	return r;
}

/* 1 for a row, 0 at the end. */
static int step(sqlite3_stmt *s)
{
	int code = sqlite3_step(s);

	return code == SQLITE_ROW ? 1 : sql_errno(code);
}

/* Runs a statement that gives no rows. Returns how many it changed. */
static int run(Db *db, enum statement which, const char *format, ...)
{
	_cleanup_stmt_ sqlite3_stmt *s = NULL;
	va_list ap;
	int r;

	va_start(ap, format);
	r = prepare_with(db, which, &s, format, ap);
	va_end(ap);
	if (r < 0)
		return r;
	r = step(s);
	return r < 0 ? r : sqlite3_changes(db->handle);
}

/* The same, where a change of nothing means that it is not there. */
static int found(int r)
{
	return r == 0 ? -ENOENT : r < 0 ? r : 0;
}

static char *column(sqlite3_stmt *s, int i)
{
	return (char *)sqlite3_column_text(s, i);
}

/* These borrow the strings of the row. */
static void read_policy(sqlite3_stmt *s, DbPolicy *ret)
{
	*ret = (DbPolicy){
		.name = column(s, 0),
		.digest = column(s, 1),
		.profile = column(s, 2),
		.added = sqlite3_column_int64(s, 3),
		.apparmor = column(s, 4),
		.apparmor_profile = column(s, 5),
		.allow_unmediated = sqlite3_column_int(s, 6),
		.exec_inherit = sqlite3_column_int(s, 7),
		.confinement = { .data = (void *)sqlite3_column_blob(s, 8),
				 .size = (size_t)sqlite3_column_bytes(s, 8) },
		.compiled = column(s, 9),
	};
}

static void read_build(sqlite3_stmt *s, DbBuild *ret)
{
	*ret = (DbBuild){
		.key = column(s, 0),
		.digest = column(s, 1),
		.kernel = column(s, 2),
		.outcome = column(s, 3),
		.output = column(s, 4),
		.content = column(s, 5),
		.started = sqlite3_column_int64(s, 6),
		.duration_ms = sqlite3_column_int64(s, 7),
		.size = sqlite3_column_int64(s, 8),
		.last_use = sqlite3_column_int64(s, 9),
		.imported = column(s, 10),
	};
}

static void read_instance(sqlite3_stmt *s, DbInstance *ret)
{
	*ret = (DbInstance){
		.instance = sqlite3_column_int64(s, 0),
		.container = column(s, 1),
		.image = column(s, 2),
		.policy = column(s, 3),
		.digest = column(s, 4),
		.bound = sqlite3_column_int64(s, 5),
		.apparmor = column(s, 6),
	};
}

/* Where the strings of a row are. */
typedef struct Strings {
	size_t n;
	size_t places[7];
} Strings;

static const Strings policy_strings = { 6,
					{ offsetof(DbPolicy, name), offsetof(DbPolicy, digest),
					  offsetof(DbPolicy, profile), offsetof(DbPolicy, apparmor),
					  offsetof(DbPolicy, apparmor_profile),
					  offsetof(DbPolicy, compiled) } };
static const Strings build_strings = { 7,
				       { offsetof(DbBuild, key), offsetof(DbBuild, digest),
					 offsetof(DbBuild, kernel), offsetof(DbBuild, outcome),
					 offsetof(DbBuild, output), offsetof(DbBuild, content),
					 offsetof(DbBuild, imported) } };
static const Strings instance_strings = {
	5,
	{ offsetof(DbInstance, container), offsetof(DbInstance, image),
	  offsetof(DbInstance, policy), offsetof(DbInstance, digest),
	  offsetof(DbInstance, apparmor) }
};

static char **string_of(const Strings *strings, size_t i, void *row)
{
	return (char **)((char *)row + strings->places[i]);
}

static void drop(const Strings *strings, void *row)
{
	for (size_t i = 0; i < strings->n; i++)
		free(*string_of(strings, i, row));
}

/* Replaces each borrowed string by a copy; after a failure nothing is owned. */
static int own(const Strings *strings, void *row)
{
	int r = 0;

	for (size_t i = 0; i < strings->n; i++) {
		char **s = string_of(strings, i, row);
		char *copy = *s && r >= 0 ? strdup(*s) : NULL;

		if (*s && !copy)
			r = -ENOMEM;
		*s = copy;
	}
	if (r < 0) {
		drop(strings, row);
		for (size_t i = 0; i < strings->n; i++)
			*string_of(strings, i, row) = NULL;
	}
	return r;
}

static int copy_blob(const DbBlob *from, DbBlob *ret)
{
	if (!from->data)
		return 0;
	ret->data = malloc(from->size);
	if (!ret->data)
		return -ENOMEM;
	memcpy(ret->data, from->data, from->size);
	ret->size = from->size;
	return 0;
}

/* With the bytes, too. */
static int own_policy(DbPolicy *p)
{
	const DbBlob row = p->confinement;
	int r;

	p->confinement = (DbBlob){};
	r = own(&policy_strings, p);
	if (r < 0)
		return r;
	r = copy_blob(&row, &p->confinement);
	if (r < 0)
		db_policy_done(p);
	return r;
}

void db_policy_done(DbPolicy *p)
{
	drop(&policy_strings, p);
	free(p->confinement.data);
	*p = (DbPolicy){};
}

void db_build_done(DbBuild *b)
{
	drop(&build_strings, b);
	*b = (DbBuild){};
}

void db_instance_done(DbInstance *i)
{
	drop(&instance_strings, i);
	*i = (DbInstance){};
}

void db_origin_done(DbOrigin *o)
{
	free(o->capabilities);
	free(o->own.data);
	*o = (DbOrigin){};
}

static int put_policy(Db *db, const DbPolicy *p, const char *const *patterns)
{
	int r;

	r = run(db, POLICY_PUT, "sssissiibs", p->name, p->digest, p->profile, p->added, p->apparmor,
		p->apparmor_profile, (int64_t)p->allow_unmediated, (int64_t)p->exec_inherit,
		&p->confinement, p->compiled);
	if (r >= 0)
		r = run(db, IMAGES_CLEAR, "s", p->name);
	for (; r >= 0 && patterns && *patterns; patterns++)
		r = run(db, IMAGE_PUT, "ss", *patterns, p->name);
	return r;
}

/* Of what began with BEGIN, all is kept, or nothing. */
static int end_transaction(Db *db, int r)
{
	if (r >= 0)
		r = run(db, COMMIT, "");
	if (r < 0)
		(void)run(db, ROLLBACK, "");
	return r < 0 ? r : 0;
}

void db_view(Db *db)
{
	(void)run(db, VIEW, "");
}

void db_view_end(Db *db)
{
	(void)run(db, COMMIT, "");
}

int db_policy_put(Db *db, const DbPolicy *p, const char *const *patterns)
{
	int r;

	r = run(db, BEGIN, "");
	return r < 0 ? r : end_transaction(db, put_policy(db, p, patterns));
}

int db_policy_compiled(Db *db, const char *name, const char *digest, const DbBlob *confinement,
		       const char *compiled)
{
	return found(run(db, POLICY_COMPILED, "ssbs", name, digest, confinement, compiled));
}

int db_policy_get(Db *db, const char *name, DbPolicy *ret)
{
	_cleanup_stmt_ sqlite3_stmt *s = NULL;
	int r;

	r = start(db, POLICY_GET, &s, "s", name);
	if (r >= 0)
		r = step(s);
	if (r <= 0)
		return found(r);
	read_policy(s, ret);
	return own_policy(ret);
}

int db_policy_remove(Db *db, const char *name)
{
	return found(run(db, POLICY_REMOVE, "s", name));
}

int db_policies(Db *db, const char *kernel, DbPolicyFunc func, void *userdata)
{
	_cleanup_stmt_ sqlite3_stmt *s = NULL;
	int r;

	r = start(db, POLICIES, &s, "s", kernel);
	while (r >= 0 && (r = step(s)) > 0) {
		DbPolicy p;

		read_policy(s, &p);
		r = func(&p, sqlite3_column_int(s, 10), userdata);
	}
	return r;
}

int db_images(Db *db, const char *policy, DbStringFunc func, void *userdata)
{
	_cleanup_stmt_ sqlite3_stmt *s = NULL;
	int r;

	r = start(db, IMAGES, &s, "s", policy);
	while (r >= 0 && (r = step(s)) > 0)
		r = func(column(s, 0), userdata);
	return r;
}

int db_images_all(Db *db, DbImageFunc func, void *userdata)
{
	_cleanup_stmt_ sqlite3_stmt *s = NULL;
	int r;

	r = start(db, IMAGES_ALL, &s, "");
	while (r >= 0 && (r = step(s)) > 0)
		r = func(column(s, 0), column(s, 1), userdata);
	return r;
}

static int find_pattern(Db *db, const char *image, int (*match)(const char *, const char *),
			char **ret_policy)
{
	_cleanup_stmt_ sqlite3_stmt *s = NULL;
	int r;

	r = start(db, IMAGE_PATTERNS, &s, "");
	while (r >= 0 && (r = step(s)) > 0)
		if (match(column(s, 0), image) == 0) {
			*ret_policy = strdup(column(s, 1));
			return *ret_policy ? 0 : -ENOMEM;
		}
	return found(r);
}

static int match_glob(const char *pattern, const char *image)
{
	return fnmatch(pattern, image, 0);
}

int db_pattern_policy(Db *db, const char *pattern, char **ret_policy)
{
	return find_pattern(db, pattern, strcmp, ret_policy);
}

int db_image_policy(Db *db, const char *image, char **ret_policy)
{
	int r;

	r = db_pattern_policy(db, image, ret_policy);
	return r == -ENOENT ? find_pattern(db, image, match_glob, ret_policy) : r;
}

int db_build_start(Db *db, const char *key, const char *digest, const char *kernel, int64_t now)
{
	return found(run(db, BUILD_START, "sssi", key, digest, kernel, now));
}

int db_build_ok(Db *db, const char *key, int64_t duration_ms, int64_t size, const char *content)
{
	return found(run(db, BUILD_END, "ssiiss", key, "ok", duration_ms, size, content,
			 (const char *)NULL));
}

int db_build_failed(Db *db, const char *key, int64_t duration_ms, const char *output)
{
	return found(run(db, BUILD_END, "ssiiss", key, "failed", duration_ms, (int64_t)0,
			 (const char *)NULL, output));
}

int db_build_imported(Db *db, const char *key, const char *signer)
{
	return found(run(db, BUILD_IMPORTED, "ss", key, signer));
}

int db_build_used(Db *db, const char *key, int64_t now)
{
	return found(run(db, BUILD_USED, "si", key, now));
}

int db_build_get(Db *db, const char *key, DbBuild *ret)
{
	_cleanup_stmt_ sqlite3_stmt *s = NULL;
	int r;

	r = start(db, BUILD_GET, &s, "s", key);
	if (r >= 0)
		r = step(s);
	if (r <= 0)
		return found(r);
	read_build(s, ret);
	return own(&build_strings, ret);
}

int db_builds(Db *db, DbBuildFunc func, void *userdata)
{
	_cleanup_stmt_ sqlite3_stmt *s = NULL;
	int r;

	r = start(db, BUILDS, &s, "");
	while (r >= 0 && (r = step(s)) > 0) {
		DbBuild b;

		read_build(s, &b);
		r = func(&b, userdata);
	}
	return r;
}

int db_build_remove(Db *db, const char *key)
{
	return found(run(db, BUILD_REMOVE, "s", key));
}

int db_builds_size(Db *db, int64_t *ret)
{
	_cleanup_stmt_ sqlite3_stmt *s = NULL;
	int r;

	r = start(db, BUILDS_SIZE, &s, "");
	if (r >= 0)
		r = step(s);
	if (r <= 0)
		return found(r);
	*ret = sqlite3_column_int64(s, 0);
	return 0;
}

bool db_build_exists(Db *db, const char *digest, const char *kernel)
{
	_cleanup_stmt_ sqlite3_stmt *s = NULL;

	return start(db, BUILD_EXISTS, &s, "ss", digest, kernel) >= 0 && step(s) > 0;
}

int db_builds_interrupted(Db *db)
{
	return run(db, BUILDS_INTERRUPTED, "");
}

int db_instance_put(Db *db, const char *boot, const DbInstance *i, const DbOrigin *origin)
{
	static const DbOrigin unknown;

	if (!origin)
		origin = &unknown;
	return found(run(db, INSTANCE_PUT, "sissssisbs", boot, i->instance, i->container, i->image,
			 i->policy, i->digest, i->bound, origin->capabilities, &origin->own,
			 i->apparmor));
}

int db_instance_policy(Db *db, const char *boot, int64_t instance, const char *name,
		       const char *digest)
{
	return found(run(db, INSTANCE_POLICY, "siss", boot, instance, name, digest));
}

static int read_origin(sqlite3_stmt *s, DbOrigin *ret)
{
	const DbBlob row = { .data = (void *)sqlite3_column_blob(s, 1),
			     .size = (size_t)sqlite3_column_bytes(s, 1) };
	_cleanup_db_origin_ DbOrigin o = {};
	int r;

	if (!column(s, 0))
		return -ENODATA;
	o.capabilities = strdup(column(s, 0));
	r = o.capabilities ? copy_blob(&row, &o.own) : -ENOMEM;
	if (r < 0)
		return r;
	*ret = o;
	o = (DbOrigin){};
	return 0;
}

int db_instance_origin(Db *db, const char *boot, int64_t instance, DbOrigin *ret)
{
	_cleanup_stmt_ sqlite3_stmt *s = NULL;
	int r;

	r = start(db, INSTANCE_ORIGIN, &s, "si", boot, instance);
	if (r >= 0)
		r = step(s);
	return r <= 0 ? found(r) : read_origin(s, ret);
}

int db_instance_end(Db *db, const char *boot, int64_t instance, int64_t now)
{
	int r;

	r = run(db, BEGIN, "");
	if (r < 0)
		return r;
	r = run(db, BUILDS_USED, "sii", boot, instance, now);
	if (r >= 0)
		r = found(run(db, INSTANCE_END, "sii", boot, instance, now));
	return end_transaction(db, r);
}

int db_instances_other_boots(Db *db, const char *boot, int64_t now)
{
	int r;

	r = run(db, BEGIN, "");
	if (r < 0)
		return r;
	r = run(db, BUILDS_USED_OTHERS, "si", boot, now);
	if (r >= 0)
		r = run(db, INSTANCES_END_OTHERS, "si", boot, now);
	if (r >= 0)
		r = run(db, INSTANCES_FORGET, "i", (int64_t)(now - KEEP_ENDED));
	return end_transaction(db, r);
}

int db_instance_get(Db *db, const char *boot, int64_t instance, DbInstance *ret)
{
	_cleanup_stmt_ sqlite3_stmt *s = NULL;
	int r;

	r = start(db, INSTANCE_GET, &s, "si", boot, instance);
	if (r >= 0)
		r = step(s);
	if (r <= 0)
		return found(r);
	read_instance(s, ret);
	return own(&instance_strings, ret);
}

int db_instances(Db *db, const char *boot, DbInstanceFunc func, void *userdata)
{
	_cleanup_stmt_ sqlite3_stmt *s = NULL;
	int r;

	r = start(db, INSTANCES, &s, "s", boot);
	while (r >= 0 && (r = step(s)) > 0) {
		DbInstance i;

		read_instance(s, &i);
		r = func(&i, userdata);
	}
	return r;
}
