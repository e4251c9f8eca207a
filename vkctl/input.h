/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files and JSON from outside, none of them without a limit. */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#define PROFILE_MAX ((size_t)4 << 20)
#define CONFIG_MAX ((size_t)16 << 20)
#define STATE_MAX ((size_t)1 << 20)

/* All of @fd, NUL-terminated; -EFBIG beyond @max bytes. */
int read_all(int fd, size_t max, char **ret, size_t *ret_length);

/* All of a regular file. -EINVAL if it is none. */
int read_regular(const char *path, size_t max, char **ret, size_t *ret_length);

/* Whether it is UTF-8 without a NUL: what JSON can carry as a string. */
bool is_text(const char *bytes, size_t length);

/* One object and nothing behind it; -EBADMSG otherwise, and *@ret_why is a static text. */
int parse_object(const char *text, size_t length, struct json_object **ret, const char **ret_why);
