/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys and certificates to sign modules with, in the scratch folder. */
#pragma once

#include <fcntl.h>
#include <stdbool.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "tests/unit/scratch.h"

#define PAIR_DAY (24L * 60 * 60)
#define PAIR_NAME "vkernel's tests"

static inline void pair_write_key(const char *name, EVP_PKEY *key, const EVP_CIPHER *cipher)
{
	int fd = open(scratch_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	FILE *f = fdopen(fd, "w");

	assert_non_null(f);
	assert_int_equal(
		PEM_write_PrivateKey(f, key, cipher, (const unsigned char *)"word", 4, NULL, NULL),
		1);
	assert_int_equal(fclose(f), 0);
}

/* Days from now that it is valid from and until. */
static inline X509 *pair_certificate(EVP_PKEY *key, long serial, long from, long until)
{
	X509 *x = X509_new();
	X509_NAME *name;

	assert_non_null(x);
	assert_int_equal(X509_set_version(x, 2), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), serial), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x), from * PAIR_DAY));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x), until * PAIR_DAY));
	name = X509_get_subject_name(x);
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
						    (const unsigned char *)PAIR_NAME, -1, -1, 0),
			 1);
	assert_int_equal(X509_set_issuer_name(x, name), 1);
	assert_int_equal(X509_set_pubkey(x, key), 1);
	assert_true(X509_sign(x, key,
			      EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256()) >
		    0);
	return x;
}

static inline void pair_write_certificate(const char *name, X509 *x, bool der)
{
	FILE *f = fopen(scratch_path(name), "we");

	assert_non_null(f);
	assert_int_equal(der ? i2d_X509_fp(f, x) : PEM_write_X509(f, x), 1);
	assert_int_equal(fclose(f), 0);
}

/* NAME.key and NAME.crt, valid today. */
static inline void pair_write(const char *name, EVP_PKEY *key, long serial)
{
	X509 *x = pair_certificate(key, serial, -1, 30);
	char path[64];

	snprintf(path, sizeof(path), "%s.key", name);
	pair_write_key(path, key, NULL);
	snprintf(path, sizeof(path), "%s.crt", name);
	pair_write_certificate(path, x, false);
	X509_free(x);
}

/* It takes long enough to be shared. */
static inline EVP_PKEY *pair_key(void)
{
	static EVP_PKEY *key;

	if (!key)
		key = EVP_RSA_gen(2048);
	assert_non_null(key);
	return key;
}
