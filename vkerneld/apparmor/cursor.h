/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Elements of AppArmor's packed format, one after the other. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vkerneld/profile/report.h"

typedef struct Cursor {
	const uint8_t *data;
	size_t size, at;
	ProfileReport *report;
} Cursor;

/*
 * Each of these moves on and returns true only if the next element is whole, of its kind, and
 * bears @name, or none if @name is NULL.
 */
bool take_u16(Cursor *c, const char *name, uint16_t *ret);
bool take_u32(Cursor *c, const char *name, uint32_t *ret);
bool take_u64(Cursor *c, const char *name, uint64_t *ret);
bool take_blob(Cursor *c, const char *name, const uint8_t **ret, size_t *ret_size);
bool take_array(Cursor *c, const char *name, uint16_t *ret_n);
bool take_array_end(Cursor *c);
bool take_struct(Cursor *c, const char *name);
bool take_struct_end(Cursor *c);

/* A string has a NUL at its end, which *ret_size leaves out, and may have others before. */
bool take_string(Cursor *c, const char *name, const char **ret, size_t *ret_size);

/* -EINVAL, with a message that names the place and what should be there. */
int expected(const Cursor *c, const char *what);
