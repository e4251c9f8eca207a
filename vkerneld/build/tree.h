/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Folders of sources, and the folders that builds leave behind. */
#pragma once

#include <sys/types.h>

#include "vkerneld/build/hash.h"

/* Names and contents of what a module is built from, in an order of their own. */
int tree_hash(const char *path, Hash *h);

/* Copies the same files to a folder, which is made. */
int tree_copy(const char *from, const char *to);

int file_copy(const char *from, const char *to);

/* From where the one stands to the end. The hash may be NULL. */
int fd_copy(int from, int to, Hash *h);

/* Follows no symbolic links. */
int tree_chown(const char *path, uid_t uid, gid_t gid);
int tree_remove(const char *path);
/* The same for all in a folder, which stays. */
int tree_empty(const char *path);
