/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keys of the cache: a hash of all that decides a module's bytes. */
#pragma once

#include "vkerneld/build/job.h"

/* Of a module that was made elsewhere. digest: of its policy, or "core". */
void key_address(const Builder *b, const char *digest, char ret[HASH_HEX_SIZE]);

/* compiler: its version. */
void key_make(const Builder *b, Product product, const Policy *policy, const char *compiler,
	      char ret[HASH_HEX_SIZE]);
