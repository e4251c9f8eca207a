/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vkerneld/build/generate.h"
#include "vkerneld/build/key.h"

/* What decides the bytes of everything that is compiled. */
static void hash_compiled(const Builder *b, const char *kind, const char *compiler, Hash *h)
{
	hash_init(h);
	hash_add_string(h, "kind", kind);
	hash_add_string(h, "release", b->host->release);
	hash_add_string(h, "build-id", b->host->build_id);
	hash_add_string(h, "compiler", compiler);
}

/* Of all modules that the kernel gets: another certificate, or another hash, and they are made
 * anew. */
static void hash_signer(const Builder *b, Hash *h)
{
	hash_add_string(h, "signer", b->signer);
}

static void hash_image(const Builder *b, Hash *h)
{
	static const uint32_t numbers[] = { VK_POLICY_ABI, GENERATOR_VERSION };

	hash_add_field(h, "versions", numbers, sizeof(numbers));
	hash_add_string(h, "sources", b->sources.image);
	/* That of a core built here follows from the sources. */
	hash_add_string(h, "symvers", b->symvers ? b->symvers : "");
}

static void core_key(const Builder *b, const char *compiler, char ret[HASH_HEX_SIZE])
{
	Hash h;

	hash_compiled(b, "core", compiler, &h);
	hash_add_string(&h, "sources", b->sources.core);
	hash_end(&h, ret);
}

static void signed_core_key(const Builder *b, const char *compiler, char ret[HASH_HEX_SIZE])
{
	char core[HASH_HEX_SIZE];
	Hash h;

	core_key(b, compiler, core);
	hash_init(&h);
	hash_add_string(&h, "kind", "signed");
	hash_add_string(&h, "core", core);
	hash_signer(b, &h);
	hash_end(&h, ret);
}

static void template_key(const Builder *b, const char *compiler, char ret[HASH_HEX_SIZE])
{
	Hash h;

	hash_compiled(b, "template", compiler, &h);
	hash_image(b, &h);
	hash_end(&h, ret);
}

static void compiled_key(const Builder *b, const Policy *p, const char *compiler,
			 char ret[HASH_HEX_SIZE])
{
	Hash h;

	hash_compiled(b, "image", compiler, &h);
	hash_signer(b, &h);
	hash_add_field(&h, "policy", p->digest, sizeof(p->digest));
	hash_image(b, &h);
	hash_end(&h, ret);
}

static void placed_key(const Builder *b, const Policy *p, const char *compiler,
		       char ret[HASH_HEX_SIZE])
{
	static const uint32_t version = TEMPLATE_VERSION;
	char template[HASH_HEX_SIZE];
	Hash h;

	template_key(b, compiler, template);
	hash_init(&h);
	hash_add_string(&h, "kind", "placed");
	hash_add_string(&h, "template", template);
	hash_add_field(&h, "version", &version, sizeof(version));
	hash_signer(b, &h);
	hash_add_field(&h, "policy", p->digest, sizeof(p->digest));
	hash_end(&h, ret);
}

void key_fit(const Builder *b, bool core, char ret[HASH_HEX_SIZE])
{
	Hash h;

	hash_init(&h);
	hash_add_string(&h, "kind", core ? "fit-core" : "fit-image");
	hash_add_string(&h, "release", b->host->release);
	hash_add_string(&h, "build-id", b->host->build_id);
	if (core)
		hash_add_string(&h, "sources", b->sources.core);
	else
		hash_image(b, &h);
	hash_end(&h, ret);
}

void key_address(const Builder *b, const char *digest, char ret[HASH_HEX_SIZE])
{
	Hash h;

	hash_init(&h);
	hash_add_string(&h, "kind", "address");
	hash_add_string(&h, "release", b->host->release);
	hash_add_string(&h, "build-id", b->host->build_id);
	hash_add_string(&h, "digest", digest);
	if (strcmp(digest, "core") == 0)
		hash_add_string(&h, "sources", b->sources.core);
	else
		hash_image(b, &h);
	hash_end(&h, ret);
}

void key_make(const Builder *b, Product product, const Policy *policy, const char *compiler,
	      char ret[HASH_HEX_SIZE])
{
	switch (product) {
	case PRODUCT_CORE:
		core_key(b, compiler, ret);
		break;
	case PRODUCT_SIGNED_CORE:
		signed_core_key(b, compiler, ret);
		break;
	case PRODUCT_TEMPLATE:
		template_key(b, compiler, ret);
		break;
	case PRODUCT_COMPILED:
		compiled_key(b, policy, compiler, ret);
		break;
	case PRODUCT_PLACED:
		placed_key(b, policy, compiler, ret);
		break;
	}
}
