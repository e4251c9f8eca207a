/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "proto/utf8.h"
#include "proto/util.h"
#include "vkerneld/text.h"

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
	const uint8_t *end = (const uint8_t *)bytes + strlen(bytes);
	char *text = malloc(4 * strlen(bytes) + 1), *to = text;
	size_t n;

	if (!text)
		return NULL;
	for (const uint8_t *s = (const uint8_t *)bytes; s < end; s += n ? n : 1) {
		n = utf8_character(s, (size_t)(end - s));
		if (n && !is_control(s) && !looks_escaped(s))
			to = mempcpy(to, s, n);
		else
			to = put_escaped(to, s, n ? n : 1);
	}
	*to = 0;
	return text;
}
