/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The database: its versions, damage, and what it remembers. */
#include "db/db.h"
#include "db/migrations.h"
#include "tests/unit/scratch.h"

static Db *open_db(void)
{
	_cleanup_free_ char *error = NULL;
	Db *db;

	assert_int_equal(db_open(scratch_path("db"), &db, &error), 0);
	assert_null(error);
	return db;
}

static void a_new_one_has_the_last_version(void **state)
{
	_cleanup_db_ Db *db = open_db();

	assert_int_equal(db_version(db), db_n_migrations);
}

static const char *const steps[] = {
	"CREATE TABLE t (a)",
	"INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)",
	"CREATE TABLE u (b); broken",
};

static int open_steps(size_t n, Db **ret)
{
	_cleanup_free_ char *error = NULL;
	int r = db_open_steps(scratch_path("db"), steps, n, ret, &error);

	if (r < 0)
		assert_non_null(strstr(error, "/db: "));
	return r;
}

static void steps_are_taken_one_by_one(void **state)
{
	Db *db;

	for (size_t n = 1; n <= 2; n++) {
		assert_int_equal(open_steps(n, &db), 0);
		assert_int_equal(db_version(db), n);
		db_free(db);
	}
}

static void a_step_that_fails_leaves_the_version_before(void **state)
{
	Db *db;

	assert_true(open_steps(3, &db) < 0);
	assert_int_equal(open_steps(2, &db), 0);
	assert_int_equal(db_version(db), 2);
	db_free(db);
}

static void a_newer_one_is_refused(void **state)
{
	_cleanup_free_ char *error = NULL;
	Db *db;

	assert_int_equal(open_steps(2, &db), 0);
	db_free(db);
	assert_int_equal(db_open_steps(scratch_path("db"), steps, 1, &db, &error),
			 -EPROTONOSUPPORT);
	assert_non_null(strstr(error, "newer version"));
}

static void damage_is_found(void **state)
{
	_cleanup_free_ char *error = NULL;
	char text[8192];
	Db *db;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	scratch_write("db", text);
	assert_int_equal(db_open(scratch_path("db"), &db, &error), -EUCLEAN);
	assert_non_null(strstr(error, "damaged"));
}

static const char *const patterns[] = { "docker.io/library/nginx:*", "exact", NULL };

static int put(Db *db, const char *name, const char *digest, const char *profile,
	       const char *const *images, int64_t now)
{
	return db_policy_put(db,
			     &(DbPolicy){ .name = (char *)name,
					  .digest = (char *)digest,
					  .profile = (char *)profile,
					  .added = now },
			     images);
}

/* What is compiled has any bytes, NULs among them. */
static void confinements(void **state)
{
	_cleanup_db_ Db *db = open_db();
	_cleanup_db_policy_ DbPolicy p = {}, again = {}, without = {};
	DbPolicy want = { .name = (char *)"web",
			  .digest = (char *)"d1",
			  .profile = (char *)"",
			  .apparmor = (char *)"profile a { }",
			  .apparmor_profile = (char *)"a",
			  .exec_inherit = true,
			  .confinement = { .data = (char *)"\0\1\0", .size = 3 },
			  .compiled = (char *)"1:x" };

	assert_int_equal(db_policy_put(db, &want, NULL), 0);
	assert_int_equal(db_policy_get(db, "web", &p), 0);
	assert_string_equal(p.apparmor, "profile a { }");
	assert_string_equal(p.apparmor_profile, "a");
	assert_true(p.exec_inherit);
	assert_false(p.allow_unmediated);
	assert_int_equal(p.confinement.size, 3);
	assert_memory_equal(p.confinement.data, "\0\1\0", 3);
	assert_string_equal(p.compiled, "1:x");
	want.confinement = (DbBlob){};
	assert_int_equal(db_policy_compiled(db, "web", "d2", &want.confinement, "2:y"), 0);
	assert_int_equal(db_policy_compiled(db, "none", "d2", &want.confinement, "2:y"), -ENOENT);
	assert_int_equal(db_policy_get(db, "web", &again), 0);
	assert_string_equal(again.digest, "d2");
	assert_null(again.confinement.data);
	assert_string_equal(again.apparmor, "profile a { }");
	assert_int_equal(put(db, "web", "d3", "text", NULL, 2), 0);
	assert_int_equal(db_policy_get(db, "web", &without), 0);
	assert_null(without.apparmor);
	assert_false(without.exec_inherit);
}

static void policies(void **state)
{
	_cleanup_db_ Db *db = open_db();
	_cleanup_db_policy_ DbPolicy p = {};
	DbPolicy again = {};

	assert_int_equal(db_policy_get(db, "web", &p), -ENOENT);
	assert_int_equal(put(db, "web", "d1", "text1", patterns, 1), 0);
	assert_int_equal(put(db, "web", "d2", "te'xt\"2", NULL, 2), 0);
	assert_int_equal(db_policy_get(db, "web", &p), 0);
	assert_string_equal(p.digest, "d2");
	assert_string_equal(p.profile, "te'xt\"2");
	assert_int_equal(p.added, 2);
	assert_int_equal(db_policy_remove(db, "web"), 0);
	assert_int_equal(db_policy_remove(db, "web"), -ENOENT);
	assert_int_equal(db_policy_get(db, "web", &again), -ENOENT);
}

static void assert_image(Db *db, const char *image, const char *policy)
{
	_cleanup_free_ char *found = NULL;

	assert_int_equal(db_image_policy(db, image, &found), policy ? 0 : -ENOENT);
	if (policy)
		assert_string_equal(found, policy);
}

static void images(void **state)
{
	static const char *const broad[] = { "*", "docker.io/*", NULL }, *const moved[] = { "exact",
											    NULL };
	_cleanup_db_ Db *db = open_db();

	assert_image(db, "exact", NULL);
	assert_int_equal(put(db, "web", "d1", "t", patterns, 1), 0);
	assert_int_equal(put(db, "all", "d2", "t", broad, 1), 0);
	assert_image(db, "exact", "web");
	assert_image(db, "docker.io/library/nginx:1", "web");
	assert_image(db, "docker.io/library/redis", "all");
	assert_int_equal(put(db, "other", "d3", "t", moved, 1), 0);
	assert_image(db, "exact", "other");
	assert_int_equal(db_policy_remove(db, "other"), 0);
	assert_image(db, "exact", "all");
}

static int count_build(const DbBuild *b, void *userdata)
{
	++*(int *)userdata;
	return 0;
}

static void builds(void **state)
{
	_cleanup_db_ Db *db = open_db();
	_cleanup_db_build_ DbBuild b = {};
	int n = 0;

	assert_int_equal(db_build_start(db, "k1", "d", "6.12", 10), 0);
	assert_false(db_build_exists(db, "d", "6.12"));
	assert_int_equal(db_build_ok(db, "k1", 1500, 300, "hash"), 0);
	assert_true(db_build_exists(db, "d", "6.12"));
	assert_false(db_build_exists(db, "d", "6.1"));
	assert_int_equal(db_build_used(db, "k1", 20), 0);
	assert_int_equal(db_build_get(db, "k1", &b), 0);
	assert_string_equal(b.outcome, "ok");
	assert_string_equal(b.content, "hash");
	assert_null(b.output);
	assert_int_equal(b.last_use, 20);
	assert_int_equal(db_build_ok(db, "none", 1, 1, "hash"), -ENOENT);
	assert_int_equal(db_build_start(db, "k2", "d2", "6.12", 10), 0);
	assert_int_equal(db_build_failed(db, "k2", 5, "error: x"), 0);
	assert_int_equal(db_builds(db, count_build, &n), 0);
	assert_int_equal(n, 2);
}

/* Nobody, or somebody, signed it elsewhere; a build of that key here makes it one of this host's. */
static void a_build_may_be_imported(void **state)
{
	static const char *const signers[] = { "", "CN=x", NULL };
	_cleanup_db_ Db *db = open_db();

	for (size_t i = 0; i < ELEMENTSOF(signers); i++) {
		_cleanup_db_build_ DbBuild b = {};

		assert_int_equal(db_build_start(db, "k", "d", "6.12", 10), 0);
		if (signers[i])
			assert_int_equal(db_build_imported(db, "k", signers[i]), 0);
		assert_int_equal(db_build_ok(db, "k", 0, 300, "hash"), 0);
		assert_int_equal(db_build_get(db, "k", &b), 0);
		if (signers[i])
			assert_string_equal(b.imported, signers[i]);
		else
			assert_null(b.imported);
	}
	assert_int_equal(db_build_imported(db, "none", ""), -ENOENT);
}

static void builds_of_a_dead_daemon_have_failed(void **state)
{
	_cleanup_db_build_ DbBuild b = {};
	Db *db = open_db();

	assert_int_equal(db_build_start(db, "k", "d", "6.12", 10), 0);
	db_free(db);
	db = open_db();
	assert_int_equal(db_builds_interrupted(db), 1);
	assert_int_equal(db_build_get(db, "k", &b), 0);
	assert_string_equal(b.outcome, "failed");
	assert_string_equal(b.output, "interrupted");
	db_free(db);
}

static DbInstance instance(int64_t id, const char *container)
{
	return (DbInstance){
		.instance = id, .container = (char *)container, .digest = (char *)"d", .bound = 5
	};
}

static void origins(void **state)
{
	static char bytes[] = { 0, 1, 0, 2 };
	const DbOrigin some = { .capabilities = (char *)"[]", .own = { bytes, 4 } };
	const DbOrigin none = { .capabilities = (char *)"[\"CAP_KILL\"]" };
	_cleanup_db_ Db *db = open_db();
	_cleanup_db_origin_ DbOrigin found = {}, empty = {}, unknown = {};
	DbInstance one = instance(1, "one"), two = instance(2, "two"), three = instance(3, "three");

	assert_int_equal(db_instance_put(db, "boot", &one, &some), 0);
	assert_int_equal(db_instance_put(db, "boot", &two, &none), 0);
	assert_int_equal(db_instance_put(db, "boot", &three, NULL), 0);
	assert_int_equal(db_instance_origin(db, "boot", 1, &found), 0);
	assert_string_equal(found.capabilities, "[]");
	assert_int_equal(found.own.size, 4);
	assert_memory_equal(found.own.data, bytes, 4);
	assert_int_equal(db_instance_origin(db, "boot", 2, &empty), 0);
	assert_string_equal(empty.capabilities, "[\"CAP_KILL\"]");
	assert_null(empty.own.data);
	assert_int_equal(db_instance_origin(db, "boot", 3, &unknown), -ENODATA);
	assert_int_equal(db_instance_origin(db, "boot", 4, &unknown), -ENOENT);
	assert_int_equal(db_instance_end(db, "boot", 1, 9), 0);
	assert_int_equal(db_instance_origin(db, "boot", 1, &unknown), -ENOENT);
}

static void another_policy(void **state)
{
	_cleanup_db_ Db *db = open_db();
	_cleanup_db_instance_ DbInstance found = {}, nameless = {};
	DbInstance one = instance(1, "one");

	one.apparmor = (char *)"docker-default";
	assert_int_equal(db_instance_put(db, "boot", &one, NULL), 0);
	assert_int_equal(db_instance_policy(db, "boot", 1, "web", "d2"), 0);
	assert_int_equal(db_instance_get(db, "boot", 1, &found), 0);
	assert_string_equal(found.apparmor, "docker-default");
	assert_string_equal(found.policy, "web");
	assert_string_equal(found.digest, "d2");
	assert_int_equal(found.bound, 5);
	assert_int_equal(db_instance_policy(db, "boot", 1, NULL, "d3"), 0);
	assert_int_equal(db_instance_get(db, "boot", 1, &nameless), 0);
	assert_null(nameless.policy);
	assert_int_equal(db_instance_policy(db, "boot", 2, "web", "d2"), -ENOENT);
	assert_int_equal(db_instance_policy(db, "other", 1, "web", "d2"), -ENOENT);
}

/* As the first version left it: what its containers brought along nobody wrote down. */
static void containers_of_the_first_version(void **state)
{
	_cleanup_free_ char *error = NULL;
	_cleanup_db_instance_ DbInstance found = {};
	_cleanup_db_origin_ DbOrigin origin = {};
	_cleanup_free_ char *first = NULL;
	Db *db;

	assert_true(asprintf(&first,
			     "%s; INSERT INTO instances (boot, instance, container, digest, bound) "
			     "VALUES ('boot', 7, 'old', 'd', 5)",
			     db_migrations[0]) > 0);
	assert_int_equal(
		db_open_steps(scratch_path("db"), (const char *const *)&first, 1, &db, &error), 0);
	db_free(db);
	db = open_db();
	assert_int_equal(db_version(db), db_n_migrations);
	assert_int_equal(db_instance_get(db, "boot", 7, &found), 0);
	assert_string_equal(found.container, "old");
	assert_int_equal(db_instance_origin(db, "boot", 7, &origin), -ENODATA);
	db_free(db);
}

static int count_instance(const DbInstance *i, void *userdata)
{
	++*(int *)userdata;
	return 0;
}

static int alive(Db *db, const char *boot)
{
	int n = 0;

	assert_int_equal(db_instances(db, boot, count_instance, &n), 0);
	return n;
}

static void instances(void **state)
{
	_cleanup_db_ Db *db = open_db();
	_cleanup_db_instance_ DbInstance found = {};
	DbInstance one = instance(1, "one"), again = instance(1, "again");

	assert_int_equal(db_instance_put(db, "boot", &one, NULL), 0);
	assert_int_equal(db_instance_put(db, "boot", &again, NULL), -EEXIST);
	assert_int_equal(db_instance_get(db, "boot", 1, &found), 0);
	assert_string_equal(found.container, "one");
	assert_null(found.policy);
	assert_int_equal(db_instance_end(db, "boot", 1, 9), 0);
	assert_int_equal(db_instance_end(db, "boot", 1, 9), -ENOENT);
	assert_int_equal(db_instance_put(db, "boot", &again, NULL), 0);
	assert_int_equal(alive(db, "boot"), 1);
}

static void instances_end_with_their_boot(void **state)
{
	_cleanup_db_ Db *db = open_db();
	DbInstance i = instance(1, "one");

	assert_int_equal(db_instance_put(db, "before", &i, NULL), 0);
	assert_int_equal(db_instance_put(db, "now", &i, NULL), 0);
	assert_int_equal(db_instances_other_boots(db, "now", 9), 0);
	assert_int_equal(alive(db, "before"), 0);
	assert_int_equal(alive(db, "now"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(a_new_one_has_the_last_version),
		scratch_test(steps_are_taken_one_by_one),
		scratch_test(a_step_that_fails_leaves_the_version_before),
		scratch_test(a_newer_one_is_refused),
		scratch_test(damage_is_found),
		scratch_test(policies),
		scratch_test(confinements),
		scratch_test(images),
		scratch_test(builds),
		scratch_test(a_build_may_be_imported),
		scratch_test(builds_of_a_dead_daemon_have_failed),
		scratch_test(instances),
		scratch_test(instances_end_with_their_boot),
		scratch_test(origins),
		scratch_test(another_policy),
		scratch_test(containers_of_the_first_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
