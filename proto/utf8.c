/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdbool.h>
#include <string.h>

#include "proto/utf8.h"
#include "proto/util.h"

/* How many bytes the character should have that begins like this; 0: none begins so. */
static size_t length_by_first(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first < 0xe0)
		return 2;
	if (first >= 0xe0 && first < 0xf0)
		return 3;
	return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/* Of those that begin alike, the second byte tells longer forms, surrogates and what is beyond. */
static bool second_fits(const uint8_t *s)
{
	switch (s[0]) {
	case 0xe0:
		return s[1] >= 0xa0;
	case 0xed:
		return s[1] < 0xa0;
	case 0xf0:
		return s[1] >= 0x90;
	case 0xf4:
		return s[1] < 0x90;
	default:
		return true;
	}
}

size_t utf8_character(const uint8_t *s, size_t size)
{
	size_t n = size ? length_by_first(s[0]) : 0;

	if (n > size)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n < 3 || second_fits(s) ? n : 0;
}

/* Of a character of two bytes or more. */
static uint32_t code_point(const uint8_t *s, size_t n)
{
	uint32_t code = s[0] & (0x7f >> n);

	for (size_t i = 1; i < n; i++)
		code = code << 6 | (s[i] & 0x3f);
	return code;
}

static char *put_unicode(char *to, uint32_t code)
{
	if (code < 0x10000)
		return to + sprintf(to, "\\u%04x", code);
	code -= 0x10000;
	return to + sprintf(to, "\\u%04x\\u%04x", 0xd800 | code >> 10, 0xdc00 | (code & 0x3ff));
}

/* 0 and what the text becomes; or -EILSEQ and where it is no UTF-8. */
static int escape(const uint8_t *s, size_t size, char *to, size_t *ret)
{
	const char *begin = to;
	bool escaped = false;

	for (size_t i = 0, n; i < size; i += n) {
		n = utf8_character(s + i, size - i);
		if (n == 0) {
			*ret = i;
			return -EILSEQ;
		}
		/* Behind a backslash there may be no such character: the tokener will say so. */
		if (n == 1 || escaped)
			to = mempcpy(to, s + i, n);
		else
			to = put_unicode(to, code_point(s + i, n));
		escaped = s[i] == '\\' && !escaped;
	}
	*to = '\0';
	*ret = (size_t)(to - begin);
	return 0;
}

static size_t count_others(const char *text, size_t size)
{
	size_t n = 0, i = 0;
	uint64_t eight;

	/* As a rule there are none. */
	for (; size - i >= sizeof(eight); i += sizeof(eight)) {
		memcpy(&eight, text + i, sizeof(eight));
		n += (size_t)__builtin_popcountll(eight & 0x8080808080808080);
	}
	for (; i < size; i++)
		n += text[i] & 0x80 ? 1 : 0;
	return n;
}

int json_to_ascii(const char *text, size_t size, char **ret, size_t *ret_size)
{
	_cleanup_free_ char *copy = NULL;
	size_t others = count_others(text, size);
	int r;

	*ret = NULL;
	if (!others)
		return 0;
	/* Two bytes may become six. */
	copy = malloc(size + 2 * others + 1);
	if (!copy)
		return -ENOMEM;
	r = escape((const uint8_t *)text, size, copy, ret_size);
	if (r >= 0)
		*ret = TAKE_PTR(copy);
	return r;
}
