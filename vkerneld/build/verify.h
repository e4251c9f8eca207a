/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who signed a module that was made elsewhere. It reads what nobody has vouched for yet. */
#pragma once

#include "vkerneld/build/sign.h"

/* folder: *.crt, *.pem and *.der, each one signer that is trusted. */
int verify_load(const char *folder, STACK_OF(X509) * *ret, SignReport *r);
void verify_stack_freep(STACK_OF(X509) * *s);

/* Only the signature behind the module counts, in the form that the kernel takes. */
int verify_module(STACK_OF(X509) * trusted, const void *module, size_t size, SignReport *r);
