/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keys of the cache: a hash of all that decides a module's bytes. */
#pragma once

#include "vkerneld/build/job.h"

/* compiler: its version. */
void key_make(const Builder *b, Product product, const Policy *policy, const char *compiler,
	      char ret[HASH_HEX_SIZE]);
