/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Modules that another host made. Their address, the key of their entry in the cache, covers what
 * has to be the same there and here, but not with what they were compiled, or who signed them.
 */
#pragma once

#include "vkerneld/build/builder.h"
#include "vkerneld/build/template.h"

/* In base64 it has to fit into one message. */
#define PREBUILT_MAX (6u << 20)

/* What stands in a module itself. */
typedef struct PrebuiltLook {
	char module[sizeof(TEMPLATE_MODULE)];
	char release[256]; /* of vermagic */
	char fit[HASH_HEX_SIZE];
	char digest[HASH_HEX_SIZE]; /* of its policy; "core" if it has none */
} PrebuiltLook;

/* -ENOEXEC for what is no module of ours, and f says why. */
int prebuilt_look(const void *data, size_t size, PrebuiltLook *ret, Failure *f);

/* What a module has to say to fit here. digest: of the policy, or "core". */
void prebuilt_fit(Builder *b, const char *digest, char ret[HASH_HEX_SIZE]);

/* digest: as above. */
void prebuilt_address(Builder *b, const char *digest, char ret[HASH_HEX_SIZE]);

typedef struct PrebuiltFile {
	const char *digest, *module;
	const char *signer; /* empty: nobody vouches for it */
	const void *data;
	size_t size;
} PrebuiltFile;

/* Makes it the cache's; from then on it serves whoever asks for the policy, or the core. */
int prebuilt_keep(Builder *b, const PrebuiltFile *p, char ret_key[HASH_HEX_SIZE]);
