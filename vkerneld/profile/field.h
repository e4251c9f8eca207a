/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Typed access to JSON, with the place of each value for messages. */
#pragma once

#include <stdbool.h>

#include "vkerneld/profile/report.h"

typedef struct Field {
	json_object *value; /* borrowed; NULL if the field is absent or null */
	ProfileReport *report;
	char place[80]; /* syscalls[3].args[0].op */
} Field;

static inline void json_putp(json_object **o)
{
	json_object_put(*o);
}

#define _cleanup_json_ __attribute__((cleanup(json_putp)))

/* *ret is an object. -EINVAL with a message of line and column; -E2BIG. The caller puts *ret. */
int json_parse_strict(const char *text, size_t size, json_object **ret, ProfileReport *report);

Field field_get(const Field *object, const char *key);
Field field_at(const Field *array, size_t i);

/* "PLACE: message" */
int field_fail(const Field *f, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void field_warn(const Field *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* These leave *ret alone if the field is absent, and fail with -EINVAL if it is of another type. */
int field_uint(const Field *f, uint64_t max, uint64_t *ret);
int field_string(const Field *f, const char **ret); /* without NUL inside; empty counts as absent */
int field_array(const Field *f, size_t *ret_size);
int field_object(const Field *f);

/* Warns of what is not in the NULL-terminated list. */
void field_warn_unknown(const Field *object, const char *const *known);
