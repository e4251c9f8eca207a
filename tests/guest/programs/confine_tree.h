/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files that confined operations find, in / from /proc apart. */
#pragma once

#include <stdbool.h>

struct tree;

struct tree *tree_new(void);

/*
 * "dir PATH [MODE [UID]]", "file PATH [MODE [UID]]" (of a program), "link TARGET PATH", or "clear":
 * nothing is left. Missing folders are made.
 */
bool tree_directive(struct tree *tree, const char *line);

/* Whether there were directives since it was last restored. */
bool tree_changed(const struct tree *tree);

/* Makes it again, unless it is as it was made. */
void tree_restore(struct tree *tree);

/* A program, to where files are left alone. */
void tree_copy_file(const char *from, const char *to);
