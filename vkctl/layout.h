/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Modules on disk as others move them: an OCI image layout in which each module is an artifact of
 * its own, one blob and what is said of it in annotations. Nothing of one is believed: names are
 * digests, no link is followed, and all content has the size and the digest that led to it.
 */
#pragma once

#include <json-c/json.h>
#include <stdint.h>

#include "vkctl/failure.h"

#define LAYOUT_ARTIFACT "application/vnd.vkernel.module.v1"
#define LAYOUT_MODULE_MAX ((size_t)6 << 20)
#define LAYOUT_JSON_MAX ((size_t)1 << 20)
#define LAYOUT_ENTRIES_MAX 4096

struct descriptor {
	char digest[65]; /* of SHA-256, in hex */
	uint64_t size;
	char *tag; /* or NULL */
};

/* What index.json lists; those of other kinds of content are left out. */
struct layout_index {
	struct descriptor *entries;
	size_t n;
};

/* One module. */
struct layout_manifest {
	struct descriptor module;
	struct json_object *prebuilt; /* as vkerneld's Import() takes it */
};

void layout_index_clear(struct layout_index *index);
void layout_manifest_clear(struct layout_manifest *manifest);
#define _cleanup_index_ _cleanup_(layout_index_clear)
#define _cleanup_manifest_ _cleanup_(layout_manifest_clear)

/* -EBADMSG for what is none, and *@ret_why is a static text; -ENOMSG for another artifact. */
int layout_parse_index(const char *text, size_t length, struct layout_index *ret,
		       const char **ret_why);
int layout_parse_manifest(const char *text, size_t length, struct layout_manifest *ret,
			  const char **ret_why);

struct layout {
	int dir;
	struct json_object *entries; /* what was added */
	struct layout_index index; /* what was read */
};

void layout_close(struct layout *layout);
#define _cleanup_layout_ _cleanup_(layout_close)

/* Makes the folder, which must not be there, or be empty; layout_end() makes it a layout. */
int layout_begin(struct layout *layout, const char *path, struct failure *failure);
int layout_add(struct layout *layout, struct json_object *prebuilt, const void *data, size_t size,
	       char **ret_tag, struct failure *failure);
int layout_end(struct layout *layout, struct failure *failure);
/* Removes what layout_begin() and layout_add() wrote. */
void layout_abandon(struct layout *layout, const char *path);

int layout_open(struct layout *layout, const char *path, struct failure *failure);
/* -ENOMSG, and no failure, for what is no module. */
int layout_read(struct layout *layout, size_t i, struct json_object **ret_prebuilt, char **ret_data,
		size_t *ret_size, struct failure *failure);
