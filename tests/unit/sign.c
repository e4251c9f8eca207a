/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signatures of modules: the openssl program checks them, and makes the same ones. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/pair.h"
#include "vkerneld/build/signing.h"

#define MAGIC "~Module signature appended~\n"
#define CONTENT "\177ELF and the rest of a module\n"

static char key_path[128], cert_path[128], module_path[128];
static Signer signer;

static int setup(void **state)
{
	assert_int_equal(scratch_setup(state), 0);
	snprintf(key_path, sizeof(key_path), "%s/a.key", scratch);
	snprintf(cert_path, sizeof(cert_path), "%s/a.crt", scratch);
	snprintf(module_path, sizeof(module_path), "%s/m.ko", scratch);
	signer = (Signer){ .key = key_path, .cert = cert_path, .hash = "sha256" };
	pair_write("a", pair_key(), 1);
	scratch_write("m.ko", CONTENT);
	return 0;
}

static void identify(char ret[HASH_HEX_SIZE])
{
	_cleanup_failure_ Failure f = {};

	assert_int_equal(signing_identify(&signer, ret, &f), 0);
	assert_null(f.error);
}

static void sign(void)
{
	char id[HASH_HEX_SIZE];
	SignReport report = {};

	identify(id);
	assert_int_equal(sign_module(&signer, id, module_path, &report), 0);
	assert_string_equal(report.message, "");
	assert_string_equal(report.name, "CN=" PAIR_NAME);
}

static size_t read_file(const char *name, char *ret, size_t size)
{
	FILE *f = fopen(scratch_path(name), "re");
	size_t n;

	assert_non_null(f);
	n = fread(ret, 1, size, f);
	assert_true(n < size);
	fclose(f);
	return n;
}

static void write_file(const char *name, const char *data, size_t size)
{
	FILE *f = fopen(scratch_path(name), "we");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

/* Takes the signed module apart as kernel/module_signature.c does; the signature becomes `sig`. */
static size_t take_apart(void)
{
	static const uint8_t kind[8] = { [2] = 2 };
	char data[8192];
	size_t n = read_file("m.ko", data, sizeof(data)), size;
	uint32_t length;

	n -= strlen(MAGIC);
	assert_memory_equal(data + n, MAGIC, strlen(MAGIC));
	n -= sizeof(length);
	memcpy(&length, data + n, sizeof(length));
	n -= sizeof(kind);
	assert_memory_equal(data + n, kind, sizeof(kind));
	size = ntohl(length);
	assert_true(size < n);
	write_file("sig", data + n - size, size);
	write_file("content", data, n - size);
	assert_int_equal(n - size, strlen(CONTENT));
	assert_memory_equal(data, CONTENT, strlen(CONTENT));
	return size;
}

/* In the scratch folder. */
static int run(const char *command)
{
	char line[1024];

	snprintf(line, sizeof(line), "cd %s && exec 2>log && %s", scratch, command);
	return system(line);
}

#define VERIFY                                                                              \
	"openssl cms -verify -binary -inform DER -in sig -content content -certfile a.crt " \
	"-noverify -out /dev/null"

static void openssl_verifies_it(void **state)
{
	static const char *const hashes[] = { "sha256", "sha384", "sha512" };

	for (size_t i = 0; i < ELEMENTSOF(hashes); i++) {
		signer.hash = hashes[i];
		scratch_write("m.ko", CONTENT);
		sign();
		take_apart();
		assert_int_equal(run(VERIFY), 0);
		scratch_write("content", CONTENT "x");
		assert_int_not_equal(run(VERIFY), 0);
	}
}

/* What an RSA key signs has one form, so all of the structure is the same. */
static void openssl_makes_the_same(void **state)
{
	char ours[4096], theirs[4096];
	size_t n;

	sign();
	n = take_apart();
	assert_int_equal(run("openssl cms -sign -binary -noattr -nocerts -md sha256 -outform DER "
			     "-signer a.crt -inkey a.key -in content -out theirs"),
			 0);
	assert_int_equal(read_file("theirs", theirs, sizeof(theirs)), n);
	assert_int_equal(read_file("sig", ours, sizeof(ours)), n);
	assert_memory_equal(ours, theirs, n);
}

static void elliptic_curves(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-384");

	pair_write("a", key, 1);
	sign();
	take_apart();
	assert_int_equal(run(VERIFY), 0);
	EVP_PKEY_free(key);
}

static void certificates_in_der(void **state)
{
	X509 *x = pair_certificate(pair_key(), 1, -1, 30);

	pair_write_certificate("a.der", x, true);
	X509_free(x);
	snprintf(cert_path, sizeof(cert_path), "%s/a.der", scratch);
	sign();
	take_apart();
	assert_int_equal(run(VERIFY), 0);
}

/* By the child, and by signing itself; the module stays as it was. */
static void refused(const char *message, const char *hint)
{
	_cleanup_failure_ Failure f = {};
	char id[HASH_HEX_SIZE] = "", data[256];
	SignReport report = {};

	assert_true(signing_check(&signer, &report, &f) < 0);
	assert_string_equal(f.error, ERROR_BUILD_FAILED);
	if (!strstr(failure_message(&f), message))
		print_error("%s\n", failure_message(&f));
	assert_non_null(strstr(failure_message(&f), message));
	assert_non_null(json_object_object_get(f.parameters, "hint"));
	assert_non_null(
		strstr(json_object_get_string(json_object_object_get(f.parameters, "hint")), hint));
	failure_done(&f);
	if (signing_identify(&signer, id, &f) < 0)
		assert_non_null(strstr(failure_message(&f), message));
	else
		assert_true(sign_module(&signer, id, module_path, &report) < 0);
	assert_int_equal(read_file("m.ko", data, sizeof(data)), strlen(CONTENT));
}

static void keys_that_others_may_read(void **state)
{
	static const mode_t modes[] = { 0644, 0640, 0604, 0620 };

	for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
		assert_int_equal(chmod(key_path, modes[i]), 0);
		refused("is open to others", "chmod 600");
	}
	assert_int_equal(chmod(key_path, 0400), 0);
	sign();
	if (geteuid() == 0) {
		assert_int_equal(chown(key_path, 12345, 0), 0);
		scratch_write("m.ko", CONTENT);
		refused("a.key: Permission denied", "chown");
	}
}

static void what_is_not_there(void **state)
{
	assert_int_equal(unlink(key_path), 0);
	refused("ModuleSigningKey=", "/etc/vkernel");
	pair_write("a", pair_key(), 1);
	assert_int_equal(unlink(cert_path), 0);
	refused("a.crt: No such file", "/etc/vkernel");
	signer.cert = NULL;
	refused("ModuleSigningKey= is set, and ModuleSigningCert= is not", "both");
	signer.cert = cert_path;
	signer.key = NULL;
	refused("ModuleSigningCert= is set, and ModuleSigningKey= is not", "both");
}

static void what_is_something_else(void **state)
{
	static const char words[] = "-----BEGIN nothing\n";
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	write_file("a.key", words, strlen(words));
	refused("no private key in PEM", "openssl pkey");
	write_file("a.key", "", 0);
	refused("no file of a key's", "ModuleSigningKey=");
	pair_write_key("a.key", pair_key(), EVP_aes_128_cbc());
	refused("has a passphrase", "openssl pkey");
	pair_write("a", key, 1);
	refused("neither of RSA nor of ECDSA", "vkernel.conf(5)");
	pair_write("a", pair_key(), 1);
	write_file("a.crt", words, strlen(words));
	refused("no X.509 certificate", "openssl x509");
	write_file("a.crt", "\x30\x82", 2);
	refused("no X.509 certificate", "openssl x509");
	assert_int_equal(unlink(cert_path), 0);
	scratch_folder("a.crt");
	refused("no file of a key's", "ModuleSigningCert=");
	EVP_PKEY_free(key);
}

static void what_does_not_belong_together(void **state)
{
	EVP_PKEY *other = EVP_EC_gen("P-256");
	X509 *x = pair_certificate(other, 1, -1, 30);

	pair_write_certificate("a.crt", x, false);
	refused("does not belong to ModuleSigningCert=", "one pair");
	X509_free(x);
	EVP_PKEY_free(other);
}

/* Kernels do not look at the dates, so neither may they keep a host from binding. */
static void dates_are_warnings(void **state)
{
	static const struct {
		long from, until;
		const char *warning;
	} cases[] = { { -9, -2, "a.crt expired at " }, { 2, 9, "a.crt is not valid before " } };

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		X509 *x = pair_certificate(pair_key(), 1, cases[i].from, cases[i].until);
		_cleanup_failure_ Failure f = {};
		SignReport report = {};

		pair_write_certificate("a.crt", x, false);
		X509_free(x);
		assert_int_equal(signing_check(&signer, &report, &f), 0);
		assert_non_null(strstr(report.warning, cases[i].warning));
		assert_string_equal(report.name, "CN=" PAIR_NAME);
		scratch_write("m.ko", CONTENT);
		sign();
		take_apart();
		assert_int_equal(run(VERIFY), 0);
	}
}

/* The key of the cache was made with the certificate that was there then. */
static void a_certificate_that_changes_meanwhile(void **state)
{
	char first[HASH_HEX_SIZE], other[HASH_HEX_SIZE];
	SignReport report = {};

	identify(first);
	signer.hash = "sha512";
	identify(other);
	assert_string_not_equal(first, other);
	signer.hash = "sha256";
	identify(other);
	assert_string_equal(first, other);
	pair_write("a", pair_key(), 2);
	identify(other);
	assert_string_not_equal(first, other);
	assert_int_equal(sign_module(&signer, first, module_path, &report), -EAGAIN);
	assert_non_null(strstr(report.message, "changed while"));
	sign();
}

static void modules_are_signed_once(void **state)
{
	char id[HASH_HEX_SIZE];
	SignReport report = {};

	sign();
	identify(id);
	assert_int_equal(sign_module(&signer, id, module_path, &report), -EEXIST);
	take_apart();
	assert_int_equal(symlink("m.ko", scratch_path("link.ko")), 0);
	assert_int_equal(sign_module(&signer, id, scratch_path("link.ko"), &report), -ELOOP);
	assert_int_equal(truncate(module_path, 0), 0);
	report = (SignReport){};
	assert_int_equal(sign_module(&signer, id, module_path, &report), -ENOEXEC);
	assert_non_null(strstr(report.message, "signing the module: "));
}

static void without_a_key_nothing_is_identified(void **state)
{
	_cleanup_failure_ Failure f = {};
	char id[HASH_HEX_SIZE] = "x";

	signer = (Signer){ .hash = "sha256" };
	assert_false(signer_is_set(&signer));
	assert_int_equal(signing_identify(&signer, id, &f), 0);
	assert_string_equal(id, "");
}

#define sign_test(f) cmocka_unit_test_setup_teardown(f, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		sign_test(openssl_verifies_it),
		sign_test(openssl_makes_the_same),
		sign_test(elliptic_curves),
		sign_test(certificates_in_der),
		sign_test(keys_that_others_may_read),
		sign_test(what_is_not_there),
		sign_test(what_is_something_else),
		sign_test(what_does_not_belong_together),
		sign_test(dates_are_warnings),
		sign_test(a_certificate_that_changes_meanwhile),
		sign_test(modules_are_signed_once),
		sign_test(without_a_key_nothing_is_identified),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
