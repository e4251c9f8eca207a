/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>
#include <string.h>

#include <nettle/base16.h>

#include "vkerneld/build/hash.h"

void hex_encode(const void *data, size_t size, char *ret)
{
	base16_encode_update(ret, size, data);
	ret[2 * size] = 0;
}

void hash_add(Hash *h, const void *data, size_t size)
{
	sha256_update(h, size, data);
}

void hash_add_field(Hash *h, const char *name, const void *value, size_t size)
{
	char head[128];
	int n = snprintf(head, sizeof(head), "%s %zu\n", name, size);

	hash_add(h, head, n < (int)sizeof(head) ? (size_t)n : sizeof(head) - 1);
	hash_add(h, value, size);
}

void hash_add_string(Hash *h, const char *name, const char *value)
{
	hash_add_field(h, name, value, strlen(value));
}

int hash_add_fd(Hash *h, int fd)
{
	char buffer[16384];

	for (;;) {
		ssize_t n = read(fd, buffer, sizeof(buffer));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		hash_add(h, buffer, (size_t)n);
	}
}

void hash_end(Hash *h, char ret[HASH_HEX_SIZE])
{
	uint8_t digest[SHA256_DIGEST_SIZE];

	sha256_digest(h, sizeof(digest), digest);
	hex_encode(digest, sizeof(digest), ret);
}
