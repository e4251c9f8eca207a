/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of this folder share. */
#pragma once

#include <sqlite3.h>

#include "db/db.h"

#define SQL_STATEMENTS_MAX 64

struct Db {
	sqlite3 *handle;
	char *path;
	bool made; /* by this opening */
	sqlite3_stmt *statements[SQL_STATEMENTS_MAX]; /* of db.c, once they are prepared */
};

/* What a result of SQLite's means here: 0 or a negative errno. */
int sql_errno(int code);
