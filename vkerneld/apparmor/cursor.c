/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An element is a name or none, a byte that says its kind, and its value, little endian. */
#include "vkerneld/apparmor/cursor.h"

#include <string.h>

#include "proto/util.h"

enum kind {
	KIND_U16 = 1,
	KIND_U32 = 2,
	KIND_U64 = 3,
	KIND_NAME = 4,
	KIND_STRING = 5,
	KIND_BLOB = 6,
	KIND_STRUCT = 7,
	KIND_STRUCT_END = 8,
	KIND_ARRAY = 11,
	KIND_ARRAY_END = 12,
};

/* Moves over @size bytes and returns where they begin, or NULL if there are fewer. */
static const uint8_t *advance(Cursor *c, size_t size)
{
	const uint8_t *p = c->data + c->at;

	if (size > c->size - c->at)
		return NULL;
	c->at += size;
	return p;
}

static bool read_number(Cursor *c, size_t width, uint64_t *ret)
{
	const uint8_t *p = advance(c, width);

	if (!p)
		return false;
	*ret = 0;
	while (width-- > 0)
		*ret = *ret << 8 | p[width];
	return true;
}

static bool read_kind(Cursor *c, enum kind kind)
{
	const uint8_t *p = advance(c, 1);

	return p && *p == kind;
}

static bool read_text(Cursor *c, const char **ret, size_t *ret_size)
{
	const uint8_t *p;
	uint64_t size;

	if (!read_number(c, 2, &size) || size == 0)
		return false;
	p = advance(c, (size_t)size);
	if (!p || p[size - 1])
		return false;
	*ret = (const char *)p;
	*ret_size = (size_t)size - 1;
	return true;
}

static bool read_name(Cursor *c, const char *name)
{
	const char *text;
	size_t size;

	if (!read_kind(c, KIND_NAME) || !read_text(c, &text, &size))
		return false;
	return size == strlen(name) && memcmp(text, name, size) == 0;
}

static bool read_head(Cursor *c, enum kind kind, const char *name)
{
	return (!name || read_name(c, name)) && read_kind(c, kind);
}

static bool take_number(Cursor *c, enum kind kind, size_t width, const char *name, uint64_t *ret)
{
	Cursor ahead = *c;

	if (!read_head(&ahead, kind, name) || !read_number(&ahead, width, ret))
		return false;
	*c = ahead;
	return true;
}

bool take_u16(Cursor *c, const char *name, uint16_t *ret)
{
	uint64_t n;

	if (!take_number(c, KIND_U16, 2, name, &n))
		return false;
	*ret = (uint16_t)n;
	return true;
}

bool take_u32(Cursor *c, const char *name, uint32_t *ret)
{
	uint64_t n;

	if (!take_number(c, KIND_U32, 4, name, &n))
		return false;
	*ret = (uint32_t)n;
	return true;
}

bool take_u64(Cursor *c, const char *name, uint64_t *ret)
{
	return take_number(c, KIND_U64, 8, name, ret);
}

bool take_array(Cursor *c, const char *name, uint16_t *ret_n)
{
	uint64_t n;

	if (!take_number(c, KIND_ARRAY, 2, name, &n))
		return false;
	*ret_n = (uint16_t)n;
	return true;
}

bool take_blob(Cursor *c, const char *name, const uint8_t **ret, size_t *ret_size)
{
	Cursor ahead = *c;
	const uint8_t *p;
	uint64_t size;

	if (!read_head(&ahead, KIND_BLOB, name) || !read_number(&ahead, 4, &size))
		return false;
	p = advance(&ahead, (size_t)size);
	if (!p)
		return false;
	*ret = p;
	*ret_size = (size_t)size;
	*c = ahead;
	return true;
}

bool take_string(Cursor *c, const char *name, const char **ret, size_t *ret_size)
{
	Cursor ahead = *c;

	if (!read_head(&ahead, KIND_STRING, name) || !read_text(&ahead, ret, ret_size))
		return false;
	*c = ahead;
	return true;
}

static bool take_mark(Cursor *c, enum kind kind, const char *name)
{
	Cursor ahead = *c;

	if (!read_head(&ahead, kind, name))
		return false;
	*c = ahead;
	return true;
}

bool take_array_end(Cursor *c)
{
	return take_mark(c, KIND_ARRAY_END, NULL);
}

bool take_struct(Cursor *c, const char *name)
{
	return take_mark(c, KIND_STRUCT, name);
}

bool take_struct_end(Cursor *c)
{
	return take_mark(c, KIND_STRUCT_END, NULL);
}

int expected(const Cursor *c, const char *what)
{
	return profile_fail(c->report, -EINVAL, "the packed policy is malformed: no %s at byte %zu",
			    what, c->at);
}
