/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signs a module as the kernel's scripts/sign-file does: CMS over all of it, detached, without
 * attributes or certificates, then its size and a magic word. It reads the key: only the child of
 * signing.c calls it.
 */
#pragma once

#include <stdbool.h>

#include <openssl/x509.h>

#include "vkerneld/build/hash.h"

#define MODULE_SIGNATURE_MAGIC "~Module signature appended~\n"
#define PKEY_ID_PKCS7 2

/* linux/module_signature.h, which is not for user space. */
struct module_signature {
	uint8_t algo, hash, id_type, signer_len, key_id_len, pad[3];
	uint32_t sig_len; /* big endian */
};

/* As settings have it. */
typedef struct Signer {
	const char *key, *cert; /* paths; both NULL: modules are not signed */
	const char *hash; /* "sha256" and the like */
} Signer;

/* What came of it; flat, since two processes see it. */
typedef struct SignReport {
	int error; /* a negative errno */
	char message[640], hint[320]; /* of the error */
	char name[256]; /* of the certificate */
	char warning[640]; /* or empty */
} SignReport;

/* Sets the error, and returns it. */
int sign_refuse(SignReport *r, int error, const char *hint, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The certificate's file, to be freed. */
int sign_read_certificate(const Signer *s, char **ret, size_t *ret_size, SignReport *r);

/* What decides the signature, but for the module: the certificate's file, and the hash. */
void sign_identify(const Signer *s, const char *certificate, size_t size, char ret[HASH_HEX_SIZE]);

/* One certificate, in PEM or DER; setting: the one that names it, for what is wrong. */
int sign_load_certificate(const char *setting, const char *path, X509 **ret, SignReport *r);
void sign_print_name(const X509 *x, char *ret, size_t size);

/* Whether key and certificate are good for it, and whose they are. */
int sign_check(const Signer *s, SignReport *r);

/* id: what sign_identify() said when the module was asked for. The file is changed in place. */
int sign_module(const Signer *s, const char *id, const char *path, SignReport *r);
