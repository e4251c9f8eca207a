/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a profile has rules of a kind: apparmor_parser tells of such rules, but not which they are.
 */
#pragma once

#include <stddef.h>

/* The text of a profile, and where what it includes is. */
typedef struct ArmorSource {
	const char *text;
	size_t size;
	const char *includes; /* folder */
} ArmorSource;

/*
 * Of the first rule of the kind that @complaint, a message of the parser's, is about: its
 * file, if it is an included one, its line, and how it begins. One heap object, or NULL: no kind is named, no such rule
 * was found, or memory is out.
 */
char *armor_locate(const ArmorSource *source, const char *complaint);
