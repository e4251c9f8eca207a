/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A database that is missing, old, locked, not to be written or damaged: what becomes of each, and
 * that one which is refused stays as it was. tests/unit/db_power.c has full and failing disks.
 */
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <sqlite3.h>

#include "db/db.h"
#include "db/migrations.h"
#include "tests/unit/scratch.h"

#define NOBODY 65534
#define POLICIES 40
#define PAGE 4096

static int try_open(Db **ret, char **ret_error)
{
	return db_open(scratch_path("db"), ret, ret_error);
}

static Db *open_db(void)
{
	_cleanup_free_ char *error = NULL;
	Db *db;

	assert_int_equal(try_open(&db, &error), 0);
	return db;
}

static void refuse(int error, const char *words)
{
	_cleanup_free_ char *said = NULL;
	Db *db;

	assert_int_equal(try_open(&db, &said), error);
	assert_non_null(strstr(said, "/db: "));
	assert_non_null(strstr(said, words));
}

static void put(Db *db, unsigned int n)
{
	char name[16], profile[1000];

	snprintf(name, sizeof(name), "policy-%u", n);
	memset(profile, 'p', sizeof(profile) - 1);
	profile[sizeof(profile) - 1] = 0;
	assert_int_equal(
		db_policy_put(
			db, &(DbPolicy){ .name = name, .digest = (char *)"d", .profile = profile },
			NULL),
		0);
}

static int count_policy(const DbPolicy *p, bool built, void *userdata)
{
	++*(unsigned int *)userdata;
	return 0;
}

static unsigned int count(Db *db)
{
	unsigned int n = 0;

	assert_int_equal(db_policies(db, "6.12", count_policy, &n), 0);
	return n;
}

/* A file's bytes. */
typedef struct Content {
	char *data;
	size_t size;
} Content;

static void content_done(Content *c)
{
	free(c->data);
}
#define _cleanup_content_ _cleanup_(content_done)

static Content read_file(const char *name)
{
	Content c = {};
	struct stat st;
	int fd = open(scratch_path(name), O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	c.size = (size_t)st.st_size;
	c.data = malloc(c.size + 1);
	assert_int_equal(read(fd, c.data, c.size), c.size);
	close(fd);
	return c;
}

static void write_file(const char *name, const char *data, size_t size)
{
	int fd = open(scratch_path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
}

static Content make(void)
{
	Db *db = open_db();

	for (unsigned int n = 0; n < POLICIES; n++)
		put(db, n);
	db_free(db);
	return read_file("db");
}

static void a_missing_one_is_made(void **state)
{
	Db *db = open_db();

	assert_true(db_made(db));
	db_free(db);
	db = open_db();
	assert_false(db_made(db));
	db_free(db);
}

/* One that was made when the power went. */
static void an_empty_file_is_a_new_one(void **state)
{
	Db *db;

	scratch_write("db", "");
	db = open_db();
	assert_true(db_made(db));
	db_free(db);
}

static void its_folder_has_to_be_there(void **state)
{
	_cleanup_free_ char *said = NULL;
	Db *db;

	assert_int_equal(db_open(scratch_path("none/db"), &db, &said), -EACCES);
	assert_non_null(strstr(said, "/none/db: "));
	assert_non_null(strstr(said, "folder must exist"));
}

/* What a table is like, however its columns came to be. */
static int print_row(void *userdata, int n, char **values, char **names)
{
	for (int i = 0; i < n; i++)
		fprintf(userdata, "%s|", values[i] ? values[i] : "");
	fputc('\n', userdata);
	return 0;
}

static char *schema(const char *name)
{
	static const char text[] =
		"SELECT m.name, t.name, t.type, t.\"notnull\", t.dflt_value, t.pk "
		"FROM sqlite_schema m JOIN pragma_table_info(m.name) t ORDER BY m.name, t.cid;"
		"SELECT name, sql FROM sqlite_schema WHERE type = 'index' ORDER BY name";
	char *shape = NULL;
	sqlite3 *handle;
	size_t size;
	FILE *f = open_memstream(&shape, &size);

	assert_int_equal(sqlite3_open(scratch_path(name), &handle), SQLITE_OK);
	assert_int_equal(sqlite3_exec(handle, text, print_row, f, NULL), SQLITE_OK);
	sqlite3_close(handle);
	fclose(f);
	assert_true(size > 500);
	return shape;
}

static const char rows[] =
	"INSERT INTO policies (name, digest, profile, added) VALUES ('web', 'd', 'text', 1);"
	"INSERT INTO images (pattern, policy) SELECT 'img', id FROM policies;"
	"INSERT INTO builds (key, digest, kernel, outcome, started, last_use) "
	"VALUES ('k', 'd', '6.12', 'ok', 1, 1);"
	"INSERT INTO instances (boot, instance, container, digest, bound) "
	"VALUES ('boot', 7, 'old', 'd', 5)";

/* With the rows of the first version, which each later one has room for. */
static void make_version(size_t version)
{
	_cleanup_free_ char *error = NULL;
	sqlite3 *handle;
	Db *db;

	assert_int_equal(db_open_steps(scratch_path("old"), db_migrations, version, &db, &error),
			 0);
	assert_int_equal(db_version(db), version);
	db_free(db);
	assert_int_equal(sqlite3_open(scratch_path("old"), &handle), SQLITE_OK);
	assert_int_equal(sqlite3_exec(handle, rows, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(handle);
}

static void assert_rows(Db *db)
{
	_cleanup_db_policy_ DbPolicy p = {};
	_cleanup_db_build_ DbBuild b = {};
	_cleanup_db_instance_ DbInstance i = {};
	_cleanup_free_ char *mapped = NULL;

	assert_int_equal(db_policy_get(db, "web", &p), 0);
	assert_string_equal(p.profile, "text");
	assert_null(p.apparmor);
	assert_int_equal(db_image_policy(db, "img", &mapped), 0);
	assert_string_equal(mapped, "web");
	assert_int_equal(db_build_get(db, "k", &b), 0);
	assert_string_equal(b.outcome, "ok");
	assert_int_equal(db_instance_get(db, "boot", 7, &i), 0);
	assert_string_equal(i.container, "old");
}

static void each_version_becomes_the_last(void **state)
{
	_cleanup_free_ char *newest = NULL;

	db_free(open_db());
	newest = schema("db");
	for (size_t version = 1; version <= db_n_migrations; version++) {
		_cleanup_free_ char *error = NULL, *grown = NULL;
		Db *db;

		make_version(version);
		assert_int_equal(db_open(scratch_path("old"), &db, &error), 0);
		assert_int_equal(db_version(db), db_n_migrations);
		assert_false(db_made(db));
		assert_rows(db);
		db_free(db);
		grown = schema("old");
		assert_string_equal(grown, newest);
		assert_int_equal(unlink(scratch_path("old")), 0);
	}
}

static sqlite3_vfs quick;
static int slept;

static int no_sleep(sqlite3_vfs *vfs, int microseconds)
{
	slept += microseconds;
	return microseconds;
}

/* The daemon waits for some seconds, which a test need not. */
static sqlite3_vfs *hurry(void)
{
	sqlite3_vfs *stock = sqlite3_vfs_find(NULL);

	quick = *stock;
	quick.zName = "quick";
	quick.xSleep = no_sleep;
	quick.pNext = NULL;
	assert_int_equal(sqlite3_vfs_register(&quick, 1), SQLITE_OK);
	slept = 0;
	return stock;
}

/* In a process of its own; it goes on until the other end of the pipe is closed. */
static void hold(const char *path, int ready, int wait)
{
	sqlite3 *handle;
	char byte = 0;

	if (sqlite3_open(path, &handle) != SQLITE_OK ||
	    sqlite3_exec(handle, "BEGIN EXCLUSIVE", NULL, NULL, NULL) != SQLITE_OK ||
	    write(ready, &byte, 1) != 1)
		_exit(1);
	_exit(read(wait, &byte, 1) == 0 ? 0 : 1);
}

static void one_that_another_holds_is_waited_for_and_refused(void **state)
{
	_cleanup_content_ Content before = make(), after = {};
	int ready[2], wait[2], status;
	sqlite3_vfs *stock;
	char byte;
	pid_t pid;

	assert_true(pipe(ready) == 0 && pipe(wait) == 0);
	pid = fork();
	if (pid == 0) {
		close(wait[1]);
		hold(scratch_path("db"), ready[1], wait[0]);
	}
	close(wait[0]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	stock = hurry();
	refuse(-EBUSY, "another process");
	assert_true(slept > 1000000);
	close(wait[1]);
	assert_true(waitpid(pid, &status, 0) == pid && status == 0);
	close(ready[0]);
	close(ready[1]);
	after = read_file("db");
	assert_memory_equal(before.data, after.data, before.size);
	db_free(open_db());
	sqlite3_vfs_unregister(&quick);
	sqlite3_vfs_register(stock, 1);
}

/* Root may write whatever it likes. */
static void as_nobody(bool on)
{
	if (on && geteuid() == 0)
		assert_int_equal(seteuid(NOBODY), 0);
	else if (!on && getuid() == 0)
		/* The leak sanitizer traces. */
		assert_true(seteuid(0) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0);
}

static void refuse_mode(mode_t file, mode_t folder, int error, const char *words)
{
	assert_int_equal(chmod(scratch_path("db"), file), 0);
	assert_int_equal(chmod(scratch, folder), 0);
	as_nobody(true);
	refuse(error, words);
	as_nobody(false);
	assert_int_equal(chmod(scratch, 0755), 0);
}

static void one_that_can_not_be_written_is_refused(void **state)
{
	_cleanup_content_ Content before = make(), after = {};

	refuse_mode(0444, 0777, -EROFS, "read-write");
	refuse_mode(0666, 0555, -EROFS, "folder");
	refuse_mode(0000, 0777, -EACCES, "readable");
	after = read_file("db");
	assert_memory_equal(before.data, after.data, before.size);
	assert_int_equal(chmod(scratch_path("db"), 0600), 0);
	db_free(open_db());
}

/* The file is left for the operator to save. */
static void refuse_damaged(const Content *damaged)
{
	_cleanup_content_ Content after = {};

	write_file("db", damaged->data, damaged->size);
	refuse(-EUCLEAN, "damaged");
	after = read_file("db");
	assert_int_equal(after.size, damaged->size);
	assert_memory_equal(after.data, damaged->data, after.size);
}

static void a_damaged_header(void **state)
{
	_cleanup_content_ Content c = make();

	memset(c.data, 'x', 100);
	refuse_damaged(&c);
}

static void each_damaged_page(void **state)
{
	_cleanup_content_ Content c = make();

	assert_true(c.size > 12 * PAGE);
	for (size_t at = PAGE; at < c.size; at += PAGE) {
		char kept[PAGE];

		memcpy(kept, c.data + at, PAGE);
		memset(c.data + at, 0xa5, PAGE);
		refuse_damaged(&c);
		memcpy(c.data + at, kept, PAGE);
	}
	write_file("db", c.data, c.size);
	db_free(open_db());
}

static void one_that_was_cut_off(void **state)
{
	_cleanup_content_ Content c = make();
	const size_t sizes[] = { c.size - PAGE, c.size / 2, PAGE, 100 };

	for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
		c.size = sizes[i];
		refuse_damaged(&c);
	}
}

/* As a daemon that was killed leaves it: what it did last is in the log. */
static Content make_log(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		Db *db = open_db();

		for (unsigned int n = 0; n < POLICIES; n++)
			put(db, n);
		_exit(0);
	}
	assert_true(waitpid(pid, &status, 0) == pid && status == 0);
	return read_file("db-wal");
}

static void what_is_in_the_log_is_taken_up(void **state)
{
	_cleanup_content_ Content log = make_log();
	Db *db = open_db();

	assert_int_equal(count(db), POLICIES);
	db_free(db);
}

static void a_damaged_log_is_refused(void **state)
{
	_cleanup_content_ Content log = make_log(), after = {};

	memset(log.data, 'x', log.size);
	write_file("db-wal", log.data, log.size);
	refuse(-EBADMSG, "-wal away");
	after = read_file("db-wal");
	assert_int_equal(after.size, log.size);
}

/* Like one whose end was under way when the power went: what is whole before it holds. */
static void a_log_with_a_damaged_end_holds_to_there(void **state)
{
	_cleanup_content_ Content log = make_log();
	unsigned int n;
	Db *db;

	memset(log.data + log.size / 2, 'x', log.size / 2);
	write_file("db-wal", log.data, log.size);
	db = open_db();
	n = count(db);
	assert_true(n > 0 && n < POLICIES);
	put(db, POLICIES);
	assert_int_equal(count(db), n + 1);
	db_free(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(a_missing_one_is_made),
		scratch_test(an_empty_file_is_a_new_one),
		scratch_test(its_folder_has_to_be_there),
		scratch_test(each_version_becomes_the_last),
		scratch_test(one_that_another_holds_is_waited_for_and_refused),
		scratch_test(one_that_can_not_be_written_is_refused),
		scratch_test(a_damaged_header),
		scratch_test(each_damaged_page),
		scratch_test(one_that_was_cut_off),
		scratch_test(what_is_in_the_log_is_taken_up),
		scratch_test(a_damaged_log_is_refused),
		scratch_test(a_log_with_a_damaged_end_holds_to_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
