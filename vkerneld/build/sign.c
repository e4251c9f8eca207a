/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "vkerneld/build/cache.h"
#include "vkerneld/build/sign.h"

#define PEM_MAX (64u << 10)
#define MAGIC MODULE_SIGNATURE_MAGIC
#define CONFIGURED "ModuleSigningKey= and ModuleSigningCert= in /etc/vkernel/vkernel.conf"
#define NOT_AT_HOME \
	"/etc/vkernel is a place for it; vkerneld.service sees nothing of /home and /root"

typedef struct Secret {
	char *text;
	size_t size;
} Secret;

static void secret_done(Secret *s)
{
	OPENSSL_clear_free(s->text, s->size);
}

#define DEFINE_CLEANUP(type, func)           \
	static void type##_cleanup(type **p) \
	{                                    \
		func(*p);                    \
	}

DEFINE_CLEANUP(BIO, BIO_free_all)
DEFINE_CLEANUP(CMS_ContentInfo, CMS_ContentInfo_free)
DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free)
DEFINE_CLEANUP(X509, X509_free)

int sign_refuse(SignReport *r, int error, const char *hint, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(r->message, sizeof(r->message), format, ap);
	va_end(ap);
	snprintf(r->hint, sizeof(r->hint), "%s", hint);
	r->error = error;
	return error;
}

/* What libcrypto has to say, which is more for those who know it than for others. */
static int refuse_crypto(SignReport *r, const char *doing)
{
	char words[256];

	ERR_error_string_n(ERR_peek_last_error(), words, sizeof(words));
	return sign_refuse(r, -EIO, "look at " CONFIGURED, "%s: %s", doing, words);
}

/* The child has nothing of root's but being root. */
static int open_file(const char *setting, const char *path, SignReport *r)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int error = errno;

	return fd < 0 ? sign_refuse(r, -error,
				    error == EACCES ? "it has to be root's, see chown(1)"
						    : NOT_AT_HOME,
				    "%s=%s: %s", setting, path, strerror(error))
		      : fd;
}

static int read_all(int fd, char *to, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t n = pread(fd, to + at, size - at, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += (size_t)n;
	}
	return 0;
}

static int read_file(int fd, const char *setting, const char *path, Secret *ret, SignReport *r)
{
	struct stat st;
	int error;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > (off_t)PEM_MAX)
		return sign_refuse(r, -EINVAL, "look at " CONFIGURED,
				   "%s=%s is no file of a key's or certificate's size", setting,
				   path);
	ret->size = (size_t)st.st_size;
	ret->text = OPENSSL_malloc(ret->size);
	if (!ret->text)
		return -ENOMEM;
	error = read_all(fd, ret->text, ret->size);
	return error < 0 ? sign_refuse(r, error, NOT_AT_HOME, "%s=%s: %s", setting, path,
				       strerror(-error))
			 : 0;
}

/* As ssh does with its keys: one that others may have read is none. */
static int check_owner(int fd, const char *path, SignReport *r)
{
	char hint[256];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	snprintf(hint, sizeof(hint), "chown root:root %s; chmod 600 %s", path, path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return sign_refuse(r, -EPERM, hint, "ModuleSigningKey=%s belongs to uid %u", path,
				   st.st_uid);
	if (st.st_mode & 077)
		return sign_refuse(r, -EPERM, hint,
				   "ModuleSigningKey=%s is open to others than its owner (mode "
				   "%04o)",
				   path, st.st_mode & 07777);
	return 0;
}

static int ask_nobody(char *buffer, int size, int writing, void *asked)
{
	*(bool *)asked = true;
	return -1;
}

static int parse_key(const char *path, const Secret *text, EVP_PKEY **ret, SignReport *r)
{
	_cleanup_(BIO_cleanup) BIO *bio = BIO_new_mem_buf(text->text, (int)text->size);
	bool encrypted = false;
	int type;

	if (!bio)
		return -ENOMEM;
	*ret = PEM_read_bio_PrivateKey(bio, NULL, ask_nobody, &encrypted);
	if (encrypted)
		return sign_refuse(
			r, -EACCES, "'openssl pkey -in KEY -out ANOTHER' takes it off",
			"ModuleSigningKey=%s has a passphrase, and there is nobody to ask", path);
	if (!*ret)
		return sign_refuse(r, -EINVAL, "'openssl pkey -in KEY -noout' looks at it",
				   "ModuleSigningKey=%s is no private key in PEM", path);
	type = EVP_PKEY_get_base_id(*ret);
	if (type != EVP_PKEY_RSA && type != EVP_PKEY_EC)
		return sign_refuse(
			r, -EINVAL, "make one of RSA: see vkernel.conf(5)",
			"ModuleSigningKey=%s is neither of RSA nor of ECDSA, and kernels "
			"check no others",
			path);
	return 0;
}

static int load_key(const Signer *s, EVP_PKEY **ret, SignReport *r)
{
	_cleanup_(secret_done) Secret text = {};
	_cleanup_close_ int fd = open_file("ModuleSigningKey", s->key, r);
	int error;

	if (fd < 0)
		return fd;
	error = check_owner(fd, s->key, r);
	if (error >= 0)
		error = read_file(fd, "ModuleSigningKey", s->key, &text, r);
	return error < 0 ? error : parse_key(s->key, &text, ret, r);
}

static int read_certificate(const char *setting, const char *path, char **ret, size_t *ret_size,
			    SignReport *r)
{
	_cleanup_close_ int fd = open_file(setting, path, r);
	Secret text = {};
	int error;

	error = fd < 0 ? fd : read_file(fd, setting, path, &text, r);
	if (error >= 0) {
		*ret = malloc(text.size);
		*ret_size = text.size;
		error = *ret ? 0 : -ENOMEM;
	}
	if (error >= 0)
		memcpy(*ret, text.text, text.size);
	secret_done(&text);
	return error;
}

int sign_read_certificate(const Signer *s, char **ret, size_t *ret_size, SignReport *r)
{
	if (!s->key || !s->cert)
		return sign_refuse(r, -EINVAL, "set both in /etc/vkernel/vkernel.conf",
				   "%s= is set, and %s= is not",
				   s->key ? "ModuleSigningKey" : "ModuleSigningCert",
				   s->key ? "ModuleSigningCert" : "ModuleSigningKey");
	return read_certificate("ModuleSigningCert", s->cert, ret, ret_size, r);
}

void sign_identify(const Signer *s, const char *certificate, size_t size, char ret[HASH_HEX_SIZE])
{
	Hash h;

	hash_init(&h);
	hash_add_field(&h, "certificate", certificate, size);
	hash_add_string(&h, "hash", s->hash);
	hash_end(&h, ret);
}

/* PEM begins with dashes or with words, DER with a sequence. */
static int parse_certificate(const char *setting, const char *path, const char *text, size_t size,
			     X509 **ret, SignReport *r)
{
	_cleanup_(BIO_cleanup) BIO *bio = BIO_new_mem_buf(text, (int)size);

	if (!bio)
		return -ENOMEM;
	*ret = text[0] == 0x30 ? d2i_X509_bio(bio, NULL) : PEM_read_bio_X509(bio, NULL, NULL, NULL);
	if (!*ret)
		return sign_refuse(r, -EINVAL, "'openssl x509 -in CERT -noout -text' looks at it",
				   "%s=%s is no X.509 certificate, in PEM or DER", setting, path);
	return 0;
}

int sign_load_certificate(const char *setting, const char *path, X509 **ret, SignReport *r)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int error = read_certificate(setting, path, &text, &size, r);

	return error < 0 ? error : parse_certificate(setting, path, text, size, ret, r);
}

void sign_print_name(const X509 *x, char *ret, size_t size)
{
	_cleanup_(BIO_cleanup) BIO *bio = BIO_new(BIO_s_mem());
	int n = 0;

	if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(x), 0, XN_FLAG_RFC2253) > 0)
		n = BIO_read(bio, ret, (int)size - 1);
	ret[n > 0 ? n : 0] = 0;
}

static void print_time(const ASN1_TIME *t, char *ret, size_t size)
{
	_cleanup_(BIO_cleanup) BIO *bio = BIO_new(BIO_s_mem());
	int n = 0;

	if (bio && ASN1_TIME_print_ex(bio, t, ASN1_DTFLGS_ISO8601) > 0)
		n = BIO_read(bio, ret, (int)size - 1);
	ret[n > 0 ? n : 0] = 0;
}

/* Kernels do not look at it, so it is no reason to refuse. */
static void look_at_dates(const Signer *s, const X509 *x, SignReport *r)
{
	char date[64];

	if (X509_cmp_current_time(X509_get0_notAfter(x)) < 0) {
		print_time(X509_get0_notAfter(x), date, sizeof(date));
		snprintf(r->warning, sizeof(r->warning), "ModuleSigningCert=%s expired at %s",
			 s->cert, date);
	} else if (X509_cmp_current_time(X509_get0_notBefore(x)) > 0) {
		print_time(X509_get0_notBefore(x), date, sizeof(date));
		snprintf(r->warning, sizeof(r->warning),
			 "ModuleSigningCert=%s is not valid before %s", s->cert, date);
	}
}

/* id: the one that is expected, or NULL. */
static int load_certificate(const Signer *s, const char *id, X509 **ret, SignReport *r)
{
	_cleanup_free_ char *text = NULL;
	char found[HASH_HEX_SIZE];
	size_t size;
	int error;

	error = sign_read_certificate(s, &text, &size, r);
	if (error < 0)
		return error;
	sign_identify(s, text, size, found);
	if (id && strcmp(id, found) != 0)
		return sign_refuse(r, -EAGAIN, "try again",
				   "ModuleSigningCert=%s changed while the module was made",
				   s->cert);
	error = parse_certificate("ModuleSigningCert", s->cert, text, size, ret, r);
	if (error < 0)
		return error;
	sign_print_name(*ret, r->name, sizeof(r->name));
	look_at_dates(s, *ret, r);
	return 0;
}

static int load(const Signer *s, const char *id, EVP_PKEY **ret_key, X509 **ret_cert, SignReport *r)
{
	int error;

	error = load_certificate(s, id, ret_cert, r);
	if (error >= 0)
		error = load_key(s, ret_key, r);
	if (error < 0)
		return error;
	if (X509_check_private_key(*ret_cert, *ret_key) != 1)
		return sign_refuse(r, -EKEYREJECTED, "set both to files of one pair",
				   "ModuleSigningKey=%s does not belong to ModuleSigningCert=%s",
				   s->key, s->cert);
	return 0;
}

/* Memory that ran out, and the like, have no words of their own. */
static int finish(SignReport *r, int error, const char *doing)
{
	if (error < 0 && !r->error)
		return sign_refuse(r, error, "", "%s: %s", doing, strerror(-error));
	return error;
}

int sign_check(const Signer *s, SignReport *r)
{
	_cleanup_(EVP_PKEY_cleanup) EVP_PKEY *key = NULL;
	_cleanup_(X509_cleanup) X509 *cert = NULL;

	return finish(r, load(s, NULL, &key, &cert, r), "looking at the key");
}

static int make_signature(const Signer *s, EVP_PKEY *key, X509 *cert, const Secret *module,
			  unsigned char **ret, SignReport *r)
{
	const unsigned int flags = CMS_NOCERTS | CMS_BINARY;
	_cleanup_(BIO_cleanup) BIO *bio = BIO_new_mem_buf(module->text, (int)module->size);
	_cleanup_(CMS_ContentInfo_cleanup) CMS_ContentInfo *cms = NULL;
	const EVP_MD *hash = EVP_get_digestbyname(s->hash);
	int size;

	if (!hash)
		return sign_refuse(r, -EINVAL, "set ModuleSigningHash= to another",
				   "this libcrypto has no %s", s->hash);
	cms = CMS_sign(NULL, NULL, NULL, NULL, flags | CMS_PARTIAL | CMS_DETACHED | CMS_STREAM);
	if (!bio || !cms ||
	    !CMS_add1_signer(cms, cert, key, hash, flags | CMS_NOSMIMECAP | CMS_NOATTR) ||
	    CMS_final(cms, bio, NULL, flags) != 1)
		return refuse_crypto(r, "signing the module");
	size = i2d_CMS_ContentInfo(cms, ret);
	return size <= 0 ? refuse_crypto(r, "packing the signature") : size;
}

static int write_all(int fd, const void *data, size_t size)
{
	for (const char *at = data; size > 0;) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

static int append(int fd, const unsigned char *signature, uint32_t size)
{
	const struct module_signature info = {
		.id_type = PKEY_ID_PKCS7,
		.sig_len = htonl(size),
	};
	int error;

	if (lseek(fd, 0, SEEK_END) < 0)
		return -errno;
	error = write_all(fd, signature, size);
	if (error >= 0)
		error = write_all(fd, &info, sizeof(info));
	return error < 0 ? error : write_all(fd, MAGIC, strlen(MAGIC));
}

static int read_module(int fd, Secret *ret, SignReport *r)
{
	const size_t end = strlen(MAGIC);
	struct stat st;
	int error;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 || (uint64_t)st.st_size > CACHE_FILE_MAX)
		return -ENOEXEC;
	ret->size = (size_t)st.st_size;
	ret->text = OPENSSL_malloc(ret->size);
	if (!ret->text)
		return -ENOMEM;
	error = read_all(fd, ret->text, ret->size);
	if (error >= 0 && ret->size > end && memcmp(ret->text + ret->size - end, MAGIC, end) == 0)
		return sign_refuse(r, -EEXIST, "", "the module has a signature already");
	return error;
}

static int sign_file(const Signer *s, const char *id, int fd, SignReport *r)
{
	_cleanup_(EVP_PKEY_cleanup) EVP_PKEY *key = NULL;
	_cleanup_(X509_cleanup) X509 *cert = NULL;
	_cleanup_(secret_done) Secret module = {};
	unsigned char *signature = NULL;
	int n;

	n = load(s, id, &key, &cert, r);
	if (n >= 0)
		n = read_module(fd, &module, r);
	if (n >= 0)
		n = make_signature(s, key, cert, &module, &signature, r);
	if (n >= 0)
		n = append(fd, signature, (uint32_t)n);
	OPENSSL_free(signature);
	return n;
}

int sign_module(const Signer *s, const char *id, const char *path, SignReport *r)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	return finish(r, fd < 0 ? -errno : sign_file(s, id, fd, r), "signing the module");
}
