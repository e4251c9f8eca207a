/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What unit tests of the daemon share: cmocka, a folder that goes away, files in it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* A word of the daemon as well. */
#undef fail

#include "vkerneld/build/tree.h"

static char scratch[64];

static inline int scratch_setup(void **state)
{
	strcpy(scratch, "/tmp/vkernel-test-XXXXXX");
	/* Users of builds pass through. */
	return mkdtemp(scratch) && chmod(scratch, 0755) == 0 ? 0 : -1;
}

static inline int scratch_teardown(void **state)
{
	return tree_remove(scratch);
}

/* Of a few paths, each until the fourth call after it. */
static inline const char *scratch_path(const char *name)
{
	static char paths[4][512];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", scratch, name);
	return path;
}

static inline void scratch_write(const char *name, const char *text)
{
	FILE *f = fopen(scratch_path(name), "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static inline void scratch_folder(const char *name)
{
	assert_int_equal(mkdir(scratch_path(name), 0755), 0);
}

#define scratch_test(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
