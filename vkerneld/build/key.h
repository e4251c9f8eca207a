/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keys of the cache: a hash of all that decides a module's bytes. */
#pragma once

#include "vkerneld/build/job.h"

/*
 * Where a module fits: kernel, its build, ABI and sources, and of an image module the installed
 * core. It stands in the module, and so is signed: on kernels without CRCs nothing else there says
 * it.
 */
void key_fit(const Builder *b, bool core, char ret[HASH_HEX_SIZE]);

/* Of a module that was made elsewhere. digest: of its policy, or "core". */
void key_address(const Builder *b, const char *digest, char ret[HASH_HEX_SIZE]);

/* compiler: its version. */
void key_make(const Builder *b, Product product, const Policy *policy, const char *compiler,
	      char ret[HASH_HEX_SIZE]);
