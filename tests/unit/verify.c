/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Modules of other hosts: who may have signed them, and in which form. */
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/unit/pair.h"
#include "vkerneld/build/signing.h"

#define CONTENT "\177ELF and the rest of a module\n"

static char data[16384], certs[128];
static size_t size;

static int run(const char *command)
{
	char line[1024];

	snprintf(line, sizeof(line), "cd %s && exec 2>log && %s", scratch, command);
	return system(line);
}

static void load(void)
{
	FILE *f = fopen(scratch_path("m.ko"), "re");

	assert_non_null(f);
	size = fread(data, 1, sizeof(data), f);
	fclose(f);
}

static void sign(const char *name)
{
	char key[128], cert[128], module[128], id[HASH_HEX_SIZE];
	const Signer signer = { .key = key, .cert = cert, .hash = "sha256" };
	_cleanup_failure_ Failure f = {};
	SignReport report = {};

	snprintf(key, sizeof(key), "%s/%s.key", scratch, name);
	snprintf(cert, sizeof(cert), "%s/%s.crt", scratch, name);
	snprintf(module, sizeof(module), "%s/m.ko", scratch);
	scratch_write("m.ko", CONTENT);
	assert_int_equal(signing_identify(&signer, id, &f), 0);
	assert_int_equal(sign_module(&signer, id, module, &report), 0);
	load();
}

static int setup(void **state)
{
	assert_int_equal(scratch_setup(state), 0);
	scratch_folder("certs");
	snprintf(certs, sizeof(certs), "%s/certs", scratch);
	pair_write("a", pair_key(), 1);
	pair_write("b", pair_key(), 2);
	sign("a");
	assert_int_equal(run("cp a.crt certs/"), 0);
	return 0;
}

static void trusted(void)
{
	_cleanup_failure_ Failure f = {};
	SignReport report = {};
	int r = signing_verify(certs, data, size, &report, &f);

	if (r < 0)
		print_error("%s\n", failure_message(&f));
	assert_int_equal(r, 0);
	assert_string_equal(report.name, "CN=" PAIR_NAME);
}

static void refused(const char *why)
{
	_cleanup_failure_ Failure f = {};
	SignReport report = {};

	assert_true(signing_verify(certs, data, size, &report, &f) < 0);
	if (!strstr(failure_message(&f), why))
		print_error("%s\n", failure_message(&f));
	assert_non_null(strstr(failure_message(&f), why));
}

static void who_is_in_the_folder_is_trusted(void **state)
{
	trusted();
	assert_int_equal(run("openssl x509 -in a.crt -outform DER -out certs/a.der && "
			     "mv certs/a.crt certs/x && cp b.crt certs/z.pem"),
			 0);
	trusted();
	sign("b");
	trusted();
}

/* The same key, but another certificate: it is the certificate that counts, as for the kernel. */
static void who_is_not_is_refused(void **state)
{
	sign("b");
	refused("no certificate of ModuleImportCerts=");
	assert_int_equal(run("mv certs/a.crt certs/.hidden.crt"), 0);
	refused("holds no certificate");
	assert_int_equal(run("echo x >certs/broken.crt"), 0);
	refused("broken.crt is no X.509 certificate");
	assert_int_equal(run("rm -r certs"), 0);
	refused("No such file");
}

static void what_was_changed_is_refused(void **state)
{
	static const size_t at[] = { 0, 9, sizeof(CONTENT) - 2 };

	for (size_t i = 0; i < ELEMENTSOF(at); i++) {
		sign("a");
		data[at[i]] ^= 1;
		refused("as it is");
	}
	/* The end of the signature itself, its size and the magic word. */
	sign("a");
	for (size_t n = size - 200; n < size; n += 3) {
		_cleanup_failure_ Failure f = {};
		SignReport report = {};

		sign("a");
		data[n] ^= 0x41;
		assert_true(signing_verify(certs, data, size, &report, &f) < 0);
	}
}

static void what_is_not_signed_is_refused(void **state)
{
	scratch_write("m.ko", CONTENT);
	load();
	refused("it has no signature");
	sign("a");
	size--;
	refused("it has no signature");
	size = 1;
	refused("it has no signature");
}

/* command: makes sig out of content; then that stands where a signature does. */
static void with(const char *command)
{
	scratch_write("content", CONTENT);
	assert_int_equal(run(command), 0);
	assert_int_equal(run("n=$(printf %08x $(stat -c %s sig)) && { cat content sig && "
			     "printf '\\0\\0\\2\\0\\0\\0\\0\\0' && for i in 1 3 5 7; do "
			     "printf \"\\\\$(printf %o 0x$(echo $n | cut -c $i-$((i + 1))))\"; "
			     "done && echo '~Module signature appended~'; } >m.ko"),
			 0);
	load();
}

#define SIGN(more) \
	"openssl cms -sign -binary -outform DER -in content -out sig -inkey a.key -signer a.crt " more

static void other_forms_are_refused(void **state)
{
	with(SIGN("-noattr -nocerts -md sha256"));
	trusted();
	/* The certificate that it brings along is no reason to trust it. */
	with("openssl cms -sign -binary -outform DER -in content -out sig -inkey b.key "
	     "-signer b.crt -noattr -md sha256");
	refused("no certificate of ModuleImportCerts=");
	with(SIGN("-noattr -nocerts -md sha1"));
	refused("a hash of the kind sha1");
	with(SIGN("-noattr -nocerts -md sha256 -nodetach"));
	refused("not of the form");
	with(SIGN("-noattr -nocerts -md sha256 -signer b.crt -inkey b.key"));
	refused("it has 2 signatures");
	with("cp content sig");
	refused("not of the form");
	with(SIGN("-noattr -nocerts -md sha256") " && echo >>sig");
	refused("not of the form");
}

#define verify_test(f) cmocka_unit_test_setup_teardown(f, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		verify_test(who_is_in_the_folder_is_trusted),
		verify_test(who_is_not_is_refused),
		verify_test(what_was_changed_is_refused),
		verify_test(what_is_not_signed_is_refused),
		verify_test(other_forms_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
