/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "vkerneld/build/generate.h"

#define A_LINE 8

_Static_assert(sizeof(Policy) % sizeof(uint64_t) == 0, "what is behind the head is aligned");
_Static_assert(sizeof(struct vk_node) % sizeof(uint64_t) == 0, "and so are nodes");

int generate_policy(const Policy *p, FILE *f)
{
	size_t n = policy_size(p) / sizeof(uint64_t);
	uint64_t word;

	for (size_t i = 0; i < n; i++) {
		memcpy(&word, (const char *)p + i * sizeof(word), sizeof(word));
		fprintf(f, "0x%" PRIx64 "ull,%c", word, i % A_LINE == A_LINE - 1 ? '\n' : ' ');
	}
	fputc('\n', f);
	return ferror(f) || fflush(f) != 0 ? -EIO : 0;
}
