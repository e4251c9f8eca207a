/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UTF-8, and JSON in it that every version of json-c reads. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The length of the character that begins @s, of at most @size bytes; 0 for what is none. */
size_t utf8_character(const uint8_t *s, size_t size);

/*
 * JSON text as ASCII, where it is not, by \u: json-c 0.17 and 0.18 refuse all other characters in
 * strict mode, and older ones take surrogates. Returns 0 and a copy for free() with its size, or
 * NULL for what is ASCII already; -EILSEQ for what is no UTF-8, with the offset in *@ret_size;
 * -ENOMEM.
 */
int json_to_ascii(const char *text, size_t size, char **ret, size_t *ret_size);
