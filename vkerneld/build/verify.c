/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <dirent.h>
#include <limits.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/x509.h>

#include "vkerneld/build/verify.h"

#define MAKE_ANOTHER "have it exported by a vkerneld with ModuleSigningKey="
/* One of an RSA key of 16384 bits has some 3 KiB, with the longest of issuers. */
#define SIGNATURE_MAX (16u << 10)

/* What lies at the end of a signed module, in front of the magic word. */
typedef struct Trailer {
	const unsigned char *signature;
	size_t content, size;
} Trailer;

/* What is not read yet of an element of ASN.1. */
typedef struct Cursor {
	const unsigned char *at;
	long left;
} Cursor;

void verify_stack_freep(STACK_OF(X509) * *s)
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
static int load_all(const char *folder, STACK_OF(X509) * stack, SignReport *r)
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

static int refuse_form(SignReport *r)
{
	return sign_refuse(r, -EBADMSG, MAKE_ANOTHER,
			   "its signature is not of the form that kernels take");
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
	if (memcmp(&info, &none, sizeof(info)) != 0 || length == 0 || length >= size)
		return refuse_form(r);
	if (length > SIGNATURE_MAX)
		return sign_refuse(r, -EBADMSG, MAKE_ANOTHER,
				   "its signature has %zu bytes, and %u are enough for any", length,
				   SIGNATURE_MAX);
	*ret = (Trailer){ bytes + size - length, size - length, length };
	return 0;
}

/* The next element, which has to have that tag and a definite length. */
static bool take(Cursor *c, int tag, int class, Cursor *ret)
{
	const unsigned char *at = c->at;
	int flags, found, kind;
	long length;

	if (c->left <= 0)
		return false;
	flags = ASN1_get_object(&at, &length, &found, &kind, c->left);
	if (flags & 0x81 || found != tag || kind != class)
		return false;
	*ret = (Cursor){ at, length };
	c->left -= at + length - c->at;
	c->at = at + length;
	return true;
}

static bool take_only(Cursor c, int tag, int class, Cursor *ret)
{
	return take(&c, tag, class, ret) && c.left == 0;
}

/* RFC 5652: the SignedData, of which version and hashes are taken. */
static bool open_signed_data(const Trailer *t, Cursor *ret, Cursor *ret_hashes)
{
	Cursor all = { t->signature, (long)t->size }, info, content, one;

	return take_only(all, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL, &info) &&
	       take(&info, V_ASN1_OBJECT, V_ASN1_UNIVERSAL, &one) &&
	       take_only(info, 0, V_ASN1_CONTEXT_SPECIFIC, &content) &&
	       take_only(content, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL, ret) &&
	       take(ret, V_ASN1_INTEGER, V_ASN1_UNIVERSAL, &one) &&
	       take(ret, V_ASN1_SET, V_ASN1_UNIVERSAL, ret_hashes);
}

/*
 * What sign-file makes has one of each, and brings nothing along. libcrypto works through all there
 * are, and none of that is signed: some thousand hashes would take it minutes.
 */
static int check_form(const Trailer *t, SignReport *r)
{
	Cursor data, hashes, signers, one;

	if (!open_signed_data(t, &data, &hashes) ||
	    !take(&data, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL, &one))
		return refuse_form(r);
	if (!take_only(hashes, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL, &one))
		return sign_refuse(r, -EBADMSG, MAKE_ANOTHER, "its signature names not one hash");
	if (take(&data, 0, V_ASN1_CONTEXT_SPECIFIC, &one) ||
	    take(&data, 1, V_ASN1_CONTEXT_SPECIFIC, &one))
		return sign_refuse(r, -EBADMSG, MAKE_ANOTHER,
				   "its signature brings certificates along");
	if (!take_only(data, V_ASN1_SET, V_ASN1_UNIVERSAL, &signers))
		return refuse_form(r);
	if (!take_only(signers, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL, &one))
		return sign_refuse(r, -EBADMSG, MAKE_ANOTHER, "it has not one signature");
	return 0;
}

static int parse(const Trailer *t, CMS_ContentInfo **ret, SignReport *r)
{
	const unsigned char *at = t->signature;

	*ret = d2i_CMS_ContentInfo(NULL, &at, (long)t->size);
	if (!*ret || at != t->signature + t->size || CMS_is_detached(*ret) != 1)
		return refuse_form(r);
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
		return refuse_form(r);
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

static int finish(SignReport *r, int error, const char *doing)
{
	if (error < 0 && !r->error)
		return sign_refuse(r, error, "", "%s: %s", doing, strerror(-error));
	return error;
}

int verify_load(const char *folder, STACK_OF(X509) * *ret, SignReport *r)
{
	_cleanup_(verify_stack_freep) STACK_OF(X509) *stack = sk_X509_new_null();
	int error = stack ? load_all(folder, stack, r) : -ENOMEM;

	if (error < 0)
		return finish(r, error, "reading certificates");
	*ret = TAKE_PTR(stack);
	return 0;
}

static int verify(STACK_OF(X509) * trusted, const void *module, size_t size, SignReport *r)
{
	_cleanup_(cms_freep) CMS_ContentInfo *cms = NULL;
	Trailer t = {};
	int error;

	if (size > INT_MAX)
		return -EFBIG;
	error = find_trailer(module, size, &t, r);
	if (error >= 0)
		error = check_form(&t, r);
	if (error >= 0)
		error = parse(&t, &cms, r);
	if (error >= 0)
		error = check_hash(cms, r);
	return error < 0 ? error : check_signature(cms, module, &t, trusted, r);
}

int verify_module(STACK_OF(X509) * trusted, const void *module, size_t size, SignReport *r)
{
	return finish(r, verify(trusted, module, size, r), "verifying the module");
}
