/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who signed a module that was made elsewhere. It reads what nobody has vouched for yet. */
#pragma once

#include "vkerneld/build/sign.h"

/*
 * certificates: a folder of *.crt, *.pem and *.der, each one signer that is trusted. Only the
 * signature behind the module counts, in the form that the kernel takes.
 */
int verify_module(const char *certificates, const void *module, size_t size, SignReport *r);
