/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/profile/policy.h"

#include <stdbool.h>
#include <string.h>

#include <nettle/sha2.h>

#include <vkernel/verdict.h>

#include "proto/util.h"
#include "vkerneld/profile/graph.h"

#define SEALED_FROM offsetof(Policy, table)

_Static_assert(SEALED_FROM == offsetof(Policy, digest) + VK_DIGEST_SIZE,
	       "the digest covers the rest");
_Static_assert(SHA256_DIGEST_SIZE == VK_DIGEST_SIZE, "the digest is a SHA-256");

static void digest_of(const Policy *p, uint8_t ret[VK_DIGEST_SIZE])
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, policy_size(p) - SEALED_FROM, (const uint8_t *)p + SEALED_FROM);
	sha256_digest(&ctx, VK_DIGEST_SIZE, ret);
}

void policy_seal(Policy *p)
{
	digest_of(p, p->digest);
}

int policy_new_allow(Policy **ret)
{
	Policy *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->abi = VK_POLICY_ABI;
	p->size = sizeof(*p);
	p->capabilities = UINT64_MAX;
	policy_seal(p);
	*ret = p;
	return 0;
}

int policy_copy(const Policy *p, Policy **ret)
{
	Policy *copy = malloc(policy_size(p));

	if (!copy)
		return -ENOMEM;
	memcpy(copy, p, policy_size(p));
	*ret = copy;
	return 0;
}

static bool is_sound(const Policy *p, size_t size)
{
	uint8_t digest[VK_DIGEST_SIZE];

	if (p->abi != VK_POLICY_ABI || p->size != size || !vk_confinements_valid(p) ||
	    !vk_policy_valid(p))
		return false;
	digest_of(p, digest);
	return memcmp(digest, p->digest, sizeof(digest)) == 0;
}

int policy_load(const void *bytes, size_t size, Policy **ret)
{
	_cleanup_free_ Policy *p = NULL;

	if (size < sizeof(*p))
		return -EUCLEAN;
	p = malloc(size);
	if (!p)
		return -ENOMEM;
	memcpy(p, bytes, size);
	if (!is_sound(p, size))
		return -EUCLEAN;
	*ret = TAKE_PTR(p);
	return 0;
}

static void to_hex(const uint8_t *bytes, size_t n_digits, char *ret)
{
	for (size_t i = 0; i < n_digits; i++)
		ret[i] = "0123456789abcdef"[bytes[i / 2] >> (i % 2 ? 0 : 4) & 0xf];
	ret[n_digits] = '\0';
}

void policy_digest_hex(const Policy *p, char ret[2 * VK_DIGEST_SIZE + 1])
{
	to_hex(p->digest, 2 * VK_DIGEST_SIZE, ret);
}

void policy_module_name(const Policy *p, char ret[sizeof(VK_MODULE_PREFIX) + VK_MODULE_DIGITS])
{
	strcpy(ret, VK_MODULE_PREFIX);
	to_hex(p->digest, VK_MODULE_DIGITS, ret + strlen(VK_MODULE_PREFIX));
}
