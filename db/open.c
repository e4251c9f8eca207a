/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opens the database, or says why not and what to do. */
#include <endian.h>
#include <fcntl.h>
#include <string.h>

#include "db/migrations.h"
#include "db/sql.h"

#define BUSY_TIMEOUT_MS 5000
/* The header of FILE-wal; its last bit is the byte order of sums. */
#define WAL_HEADER_SIZE 32
#define WAL_MAGIC 0x377f0682u

int sql_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
		return -EACCES;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_TOOBIG:
		return -EFBIG;
	default:
		return -EIO;
	}
}

static const struct {
	int error;
	const char *advice;
} advices[] = {
	{ EPROTONOSUPPORT, "a newer version of vkernel wrote this database; install that version, "
			   "or move the file away to start with an empty one" },
	{ EUCLEAN, "the database is damaged; move the file away (and its -wal and -shm) and "
		   "restart: running containers are taken up again from the kernel, policies have "
		   "to be added anew ('sqlite3 FILE .recover' may save their text)" },
	{ EBADMSG, "the log beside it, FILE-wal, is damaged, and with it what was changed last; to "
		   "go on without that, move FILE-wal away and restart, then compare 'vkctl policy "
		   "list' with what there should be" },
	{ EBUSY, "another process holds the database; 'fuser FILE' names it: end it, and restart" },
	{ EROFS, "the database can not be written; its file system must be mounted read-write, and "
		 "the file and its folder be writable for the service" },
	{ EACCES, "the database can not be opened; its folder must exist, and it and the file be "
		  "readable and writable for the service" },
	{ ENOSPC, "the disk is full; free some space on the file system of the database, and "
		  "restart" },
	{ EIO, "the disk fails at the database; the kernel's log (dmesg) may tell how" },
};

static const char *advice_for(int r)
{
	for (size_t i = 0; i < ELEMENTSOF(advices); i++)
		if (advices[i].error == -r)
			return advices[i].advice;
	return strerror(-r);
}

char *db_explain(Db *db, int r)
{
	char *text;

	return asprintf(&text, "%s: %s", db->path, advice_for(r)) < 0 ? NULL : text;
}

/* The first column of the first row; -ENODATA without one. */
static int ask(Db *db, const char *text, int (*read)(sqlite3_stmt *s))
{
	sqlite3_stmt *s;
	int code, r;

	code = sqlite3_prepare_v2(db->handle, text, -1, &s, NULL);
	if (code != SQLITE_OK)
		return sql_errno(code);
	code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		r = read(s);
	else
		r = code == SQLITE_DONE ? -ENODATA : sql_errno(code);
	sqlite3_finalize(s);
	return r;
}

static int read_int(sqlite3_stmt *s)
{
	return sqlite3_column_int(s, 0);
}

static bool reads(sqlite3_stmt *s, const char *text)
{
	const char *value = (const char *)sqlite3_column_text(s, 0);

	return value && strcmp(value, text) == 0;
}

static int read_ok(sqlite3_stmt *s)
{
	return reads(s, "ok") ? 0 : -EUCLEAN;
}

static int read_wal(sqlite3_stmt *s)
{
	return reads(s, "wal") ? 0 : -EIO;
}

int db_version(Db *db)
{
	return ask(db, "PRAGMA user_version", read_int);
}

static int execute(Db *db, const char *text)
{
	return sql_errno(sqlite3_exec(db->handle, text, NULL, NULL, NULL));
}

static int migrate_step(Db *db, const char *text, size_t version)
{
	char pragma[64];
	int r;

	snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %zu", version);
	r = execute(db, "BEGIN EXCLUSIVE");
	if (r < 0)
		return r;
	r = execute(db, text);
	if (r >= 0)
		r = execute(db, pragma);
	if (r >= 0)
		r = execute(db, "COMMIT");
	if (r < 0)
		(void)execute(db, "ROLLBACK");
	return r;
}

static int migrate(Db *db, const char *const *steps, size_t n)
{
	int version = db_version(db), r;

	if (version < 0)
		return version;
	if ((size_t)version > n)
		return -EPROTONOSUPPORT;
	db->made = version == 0;
	for (size_t i = (size_t)version; i < n; i++) {
		r = migrate_step(db, steps[i], i + 1);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What keeps it from being written is to be found at start, not by the container that needs it. */
static int check_writable(Db *db)
{
	int r;

	if (sqlite3_db_readonly(db->handle, NULL) == 1)
		return -EROFS;
	r = execute(db, "BEGIN IMMEDIATE");
	return r < 0 ? r : execute(db, "ROLLBACK");
}

/*
 * With FULL a transaction is on the disk when COMMIT returns; with less, WAL keeps it whole, but
 * may lose it with the power, and a container's rules with it. Damage, too, is to be found at
 * start.
 */
static int set_up(Db *db)
{
	int r;

	sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
	sqlite3_extended_result_codes(db->handle, 1);
	r = ask(db, "PRAGMA journal_mode = WAL", read_wal);
	if (r >= 0)
		r = ask(db, "PRAGMA quick_check(1)", read_ok);
	if (r >= 0)
		r = execute(db, "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL");
	return r < 0 ? r : check_writable(db);
}

/*
 * SQLite takes a log without a good header for an empty one. But the header is on the disk before
 * anything else is written to the log, so no loss of power leaves it bad with something behind it:
 * that is damage, and policies must not go with it unseen.
 */
static int check_log(const char *path)
{
	_cleanup_free_ char *log = NULL;
	_cleanup_close_ int fd = -EBADF;
	uint32_t header[WAL_HEADER_SIZE / 4 + 1];

	if (asprintf(&log, "%s-wal", path) < 0) {
		log = NULL;
		return -ENOMEM;
	}
	fd = open(log, O_RDONLY | O_CLOEXEC);
	/* One that is there and can not be opened SQLite will find. */
	if (fd < 0 || read(fd, header, sizeof(header)) < (ssize_t)sizeof(header))
		return 0;
	return (be32toh(header[0]) & ~1u) == WAL_MAGIC ? 0 : -EBADMSG;
}

static int open_file(Db *db)
{
	int r = check_log(db->path);

	if (r < 0)
		return r;
	return sql_errno(sqlite3_open_v2(
		db->path, &db->handle,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL));
}

int db_open_steps(const char *path, const char *const *steps, size_t n, Db **ret, char **ret_error)
{
	_cleanup_db_ Db *db = calloc(1, sizeof(*db));
	int r;

	*ret_error = NULL;
	if (!db)
		return -ENOMEM;
	db->path = strdup(path);
	if (!db->path)
		return -ENOMEM;
	r = open_file(db);
	if (r >= 0)
		r = set_up(db);
	if (r >= 0)
		r = migrate(db, steps, n);
	if (r < 0) {
		*ret_error = db_explain(db, r);
		return r;
	}
	*ret = TAKE_PTR(db);
	return 0;
}

int db_open(const char *path, Db **ret, char **ret_error)
{
	return db_open_steps(path, db_migrations, db_n_migrations, ret, ret_error);
}

bool db_made(const Db *db)
{
	return db->made;
}

Db *db_free(Db *db)
{
	if (!db)
		return NULL;
	for (size_t i = 0; i < SQL_STATEMENTS_MAX; i++)
		sqlite3_finalize(db->statements[i]);
	sqlite3_close(db->handle);
	free(db->path);
	free(db);
	return NULL;
}
