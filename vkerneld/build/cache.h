/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Modules that were built: <root>/<2 hex>/<key>/<module>.ko, owned by root. An entry appears whole
 * or not at all, and what is loaded from it has the content that was recorded when it was made.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "vkerneld/build/hash.h"

#define CACHE_SYMVERS "Module.symvers"
#define CACHE_FILE_MAX (64ull << 20)

/* Makes the folders and removes what interrupted builds left. */
int cache_prepare(const char *root);

/* A fresh folder, only its owner's, for a build or for an entry to come. */
int cache_make_temporary(const char *root, char **ret);

int cache_path(const char *root, const char *key, const char *file, char **ret);

/*
 * Takes a file out of the folder of a build to that of an entry. uid: whose file it must be.
 * -ENOEXEC for what is no file, or no module where it should be one.
 */
int cache_take(const char *from, uid_t uid, const char *to, bool module);

/* Hash of the module and, if there is one, the symbol versions beside it. */
int cache_content(const char *entry, const char *module, char ret[HASH_HEX_SIZE]);

/* Makes a temporary folder the entry, in the place of one that is there. */
int cache_commit(const char *root, const char *key, const char *temporary);

/* The module's file, if the entry's content is that; -EBADMSG if it is another. */
int cache_open(const char *root, const char *key, const char *module, const char *content);

int cache_remove(const char *root, const char *key);

/* Calls func with the key of each entry there is, which may remove it. */
typedef int (*CacheFunc)(const char *key, void *userdata);
int cache_keys(const char *root, CacheFunc func, void *userdata);

/* Is there a module of the entry, whatever its content? */
bool cache_has(const char *root, const char *key, const char *module);

/* The version of the compiler that was seen last, which is part of the keys. */
int cache_note_compiler(const char *root, const char *version);
int cache_recall_compiler(const char *root, char **ret);
