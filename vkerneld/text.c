/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "proto/util.h"
#include "vkerneld/text.h"

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

/* The length of a character; 0 for what is none. */
static size_t character(const uint8_t *s)
{
	size_t n = length_by_first(s[0]);

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n < 3 || second_fits(s) ? n : 0;
}

static bool is_control(const uint8_t *s)
{
	return s[0] < ' ' || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);
}

static bool looks_escaped(const uint8_t *s)
{
	return s[0] == '\\' && s[1] == 'x' && isxdigit(s[2]) && isxdigit(s[3]);
}

static char *put_escaped(char *to, const uint8_t *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to += sprintf(to, "\\x%02x", s[i]);
	return to;
}

char *text_escape(const char *bytes)
{
	char *text = malloc(4 * strlen(bytes) + 1), *to = text;
	size_t n;

	if (!text)
		return NULL;
	for (const uint8_t *s = (const uint8_t *)bytes; *s; s += n ? n : 1) {
		n = character(s);
		if (n && !is_control(s) && !looks_escaped(s))
			to = mempcpy(to, s, n);
		else
			to = put_escaped(to, s, n ? n : 1);
	}
	*to = 0;
	return text;
}
