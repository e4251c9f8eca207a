/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SHA-256, of bytes, of files, and of fields that must not run into each other. */
#pragma once

#include <nettle/sha2.h>

#include "proto/util.h"

#define HASH_HEX_SIZE (2 * SHA256_DIGEST_SIZE + 1)

typedef struct sha256_ctx Hash;

static inline void hash_init(Hash *h)
{
	sha256_init(h);
}

void hash_add(Hash *h, const void *data, size_t size);
/* Name and length go in before the value. */
void hash_add_field(Hash *h, const char *name, const void *value, size_t size);
void hash_add_string(Hash *h, const char *name, const char *value);
/* From where the descriptor stands to the end. */
int hash_add_fd(Hash *h, int fd);
void hash_end(Hash *h, char ret[HASH_HEX_SIZE]);

void hex_encode(const void *data, size_t size, char *ret);
