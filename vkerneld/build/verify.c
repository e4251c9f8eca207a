/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <dirent.h>
#include <limits.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/x509.h>

#include "vkerneld/build/verify.h"

#define MAKE_ANOTHER "have it exported by a vkerneld with ModuleSigningKey="

/* What lies at the end of a signed module, in front of the magic word. */
typedef struct Trailer {
	const unsigned char *signature;
	size_t content, size;
} Trailer;

static void stack_freep(STACK_OF(X509) * *s)
{
	sk_X509_pop_free(*s, X509_free);
}

static void bio_freep(BIO **b)
{
	BIO_free_all(*b);
}

static void cms_freep(CMS_ContentInfo **c)
{
	CMS_ContentInfo_free(*c);
}

static int is_certificate(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return e->d_name[0] != '.' && dot &&
	       (strcmp(dot, ".crt") == 0 || strcmp(dot, ".pem") == 0 || strcmp(dot, ".der") == 0);
}

static int add_certificate(const char *folder, const char *name, STACK_OF(X509) * stack,
			   SignReport *r)
{
	_cleanup_free_ char *path = NULL;
	X509 *x;
	int error;

	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	error = sign_load_certificate("ModuleImportCerts", path, &x, r);
	if (error < 0)
		return error;
	if (sk_X509_push(stack, x) > 0)
		return 0;
	X509_free(x);
	return -ENOMEM;
}

/* One that can not be read might be the one that matters, so it is told. */
static int load_certificates(const char *folder, STACK_OF(X509) * stack, SignReport *r)
{
	struct dirent **entries;
	int n, error = 0;

	n = scandir(folder, &entries, is_certificate, alphasort);
	if (n < 0)
		return sign_refuse(r, -errno, "it is a folder of certificates, *.crt",
				   "ModuleImportCerts=%s: %s", folder, strerror(errno));
	for (int i = 0; i < n; i++) {
		if (error >= 0)
			error = add_certificate(folder, entries[i]->d_name, stack, r);
		free(entries[i]);
	}
	free(entries);
	if (error >= 0 && n == 0)
		return sign_refuse(r, -ENOKEY, "put the certificate of who exports there, as *.crt",
				   "ModuleImportCerts=%s holds no certificate", folder);
	return error;
}

/* As kernel/module_signature.c looks at it. */
static int find_trailer(const void *module, size_t size, Trailer *ret, SignReport *r)
{
	static const struct module_signature none = { .id_type = PKEY_ID_PKCS7 };
	const size_t magic = strlen(MODULE_SIGNATURE_MAGIC);
	const unsigned char *bytes = module;
	struct module_signature info;
	size_t length;

	if (size < magic + sizeof(info) ||
	    memcmp(bytes + size - magic, MODULE_SIGNATURE_MAGIC, magic) != 0)
		return sign_refuse(r, -ENODATA, MAKE_ANOTHER, "it has no signature");
	size -= magic + sizeof(info);
	memcpy(&info, bytes + size, sizeof(info));
	length = ntohl(info.sig_len);
	info.sig_len = 0;
	if (memcmp(&info, &none, sizeof(info)) != 0 || length == 0 || length >= size ||
	    length > LONG_MAX)
		return sign_refuse(r, -EBADMSG, MAKE_ANOTHER,
				   "its signature is not of the form that kernels take");
	*ret = (Trailer){ bytes + size - length, size - length, length };
	return 0;
}

static int parse(const Trailer *t, CMS_ContentInfo **ret, SignReport *r)
{
	const unsigned char *at = t->signature;

	*ret = d2i_CMS_ContentInfo(NULL, &at, (long)t->size);
	if (!*ret || at != t->signature + t->size || CMS_is_detached(*ret) != 1)
		return sign_refuse(r, -EBADMSG, MAKE_ANOTHER,
				   "its signature is not of the form that kernels take");
	return 0;
}

/* A hash that is broken would let another module pass for it. */
static int check_hash(CMS_ContentInfo *cms, SignReport *r)
{
	STACK_OF(CMS_SignerInfo) *all = CMS_get0_SignerInfos(cms);
	const ASN1_OBJECT *hash;
	X509_ALGOR *digest;
	int kind;

	if (sk_CMS_SignerInfo_num(all) != 1)
		return sign_refuse(r, -EBADMSG, MAKE_ANOTHER,
				   "it has %d signatures in place of one",
				   sk_CMS_SignerInfo_num(all));
	CMS_SignerInfo_get0_algs(sk_CMS_SignerInfo_value(all, 0), NULL, NULL, &digest, NULL);
	X509_ALGOR_get0(&hash, NULL, NULL, digest);
	kind = OBJ_obj2nid(hash);
	if (kind != NID_sha256 && kind != NID_sha384 && kind != NID_sha512)
		return sign_refuse(r, -EKEYREJECTED, MAKE_ANOTHER,
				   "its signature is over a hash of the kind %s", OBJ_nid2ln(kind));
	return 0;
}

/* The certificate that the folder has is the trust; nothing that the signature brings along is. */
static int check_signature(CMS_ContentInfo *cms, const void *module, const Trailer *t,
			   STACK_OF(X509) * trusted, SignReport *r)
{
	const unsigned int flags = CMS_BINARY | CMS_NOINTERN | CMS_NO_SIGNER_CERT_VERIFY;
	_cleanup_(bio_freep) BIO *content = BIO_new_mem_buf(module, (int)t->content);
	STACK_OF(X509) * signers;

	if (!content)
		return -ENOMEM;
	if (CMS_verify(cms, trusted, NULL, content, NULL, flags) != 1)
		return sign_refuse(r, -EKEYREJECTED,
				   "put the certificate of who exported it into the folder",
				   "no certificate of ModuleImportCerts= has signed it as it is");
	signers = CMS_get0_signers(cms);
	if (signers && sk_X509_num(signers) == 1)
		sign_print_name(sk_X509_value(signers, 0), r->name, sizeof(r->name));
	sk_X509_free(signers);
	return 0;
}

static int verify(const char *folder, const void *module, size_t size, SignReport *r)
{
	_cleanup_(stack_freep) STACK_OF(X509) *trusted = sk_X509_new_null();
	_cleanup_(cms_freep) CMS_ContentInfo *cms = NULL;
	Trailer t;
	int error;

	if (!trusted || size > INT_MAX)
		return -ENOMEM;
	error = load_certificates(folder, trusted, r);
	if (error >= 0)
		error = find_trailer(module, size, &t, r);
	if (error >= 0)
		error = parse(&t, &cms, r);
	if (error >= 0)
		error = check_hash(cms, r);
	return error < 0 ? error : check_signature(cms, module, &t, trusted, r);
}

int verify_module(const char *certificates, const void *module, size_t size, SignReport *r)
{
	int error = verify(certificates, module, size, r);

	if (error < 0 && !r->error)
		return sign_refuse(r, error, "", "verifying the module: %s", strerror(-error));
	return error;
}
