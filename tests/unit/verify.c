/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Modules of other hosts: who may have signed them, and in which form. */
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/unit/pair.h"
#include "vkerneld/build/signing.h"
#include "vkerneld/build/vouch.h"

#define CONTENT "\177ELF and the rest of a module\n"

/* Anybody but root. */
#define READER 61987

static char data[1 << 16], certs[128];
static size_t size;
static sd_event *event;
static bool done;

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
	assert_int_equal(sd_event_new(&event), 0);
	scratch_folder("certs");
	snprintf(certs, sizeof(certs), "%s/certs", scratch);
	pair_write("a", pair_key(), 1);
	pair_write("b", pair_key(), 2);
	sign("a");
	assert_int_equal(run("cp a.crt certs/"), 0);
	return 0;
}

static void on_vouched(const char *name, Failure *f, void *userdata)
{
	done = true;
	if (f)
		failure_copy(userdata, f);
	else
		assert_string_equal(name, "CN=" PAIR_NAME);
}

static void vouch(Failure *f)
{
	const VouchOrder order = {
		.certificates = certs,
		.module = data,
		.size = size,
		.uid = geteuid() == 0 ? READER : 0,
		.gid = READER,
	};
	Vouch *v;

	done = false;
	assert_int_equal(vouch_start(event, &order, on_vouched, f, &v, f), 0);
	while (!done)
		assert_true(sd_event_run(event, 30000000) > 0);
}

static int teardown(void **state)
{
	event = sd_event_unref(event);
	return scratch_teardown(state);
}

static void trusted(void)
{
	_cleanup_failure_ Failure f = {};

	vouch(&f);
	if (f.error)
		print_error("%s\n", failure_message(&f));
	assert_null(f.error);
}

static void refused(const char *why)
{
	_cleanup_failure_ Failure f = {};

	vouch(&f);
	assert_non_null(f.error);
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

		sign("a");
		data[n] ^= 0x41;
		vouch(&f);
		assert_non_null(f.error);
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
	with("openssl cms -sign -binary -outform DER -in content -out sig -inkey b.key "
	     "-signer b.crt -noattr -md sha256");
	refused("brings certificates along");
	with(SIGN("-noattr -nocerts -md sha1"));
	refused("a hash of the kind sha1");
	with(SIGN("-noattr -nocerts -md sha256 -nodetach"));
	refused("not of the form");
	with(SIGN("-noattr -nocerts -md sha256 -signer b.crt -inkey b.key"));
	refused("it has not one signature");
	with("cp content sig");
	refused("not of the form");
	with(SIGN("-noattr -nocerts -md sha256") " && echo >>sig");
	refused("not of the form");
}

static void only_so_many_at_once(void **state)
{
	const VouchOrder order = { .certificates = certs, .module = data, .size = size };
	_cleanup_failure_ Failure f = {};
	Vouch *all[VOUCHES_MAX], *more;

	for (size_t i = 0; i < VOUCHES_MAX; i++)
		assert_int_equal(vouch_start(event, &order, on_vouched, &f, &all[i], &f), 0);
	assert_int_equal(vouch_start(event, &order, on_vouched, &f, &more, &f), -EAGAIN);
	assert_string_equal(f.error, ERROR_QUEUE_FULL);
	for (size_t i = 0; i < VOUCHES_MAX; i++)
		vouch_free(all[i]);
	trusted();
}

typedef struct Bytes {
	char at[1 << 16];
	size_t n;
} Bytes;

static void append(Bytes *b, const char *from, size_t n)
{
	assert_true(b->n + n <= sizeof(b->at));
	memcpy(b->at + b->n, from, n);
	b->n += n;
}

static void prepend(Bytes *b, const char *from, size_t n)
{
	assert_true(b->n + n <= sizeof(b->at));
	memmove(b->at + n, b->at, b->n);
	memcpy(b->at, from, n);
	b->n += n;
}

/* What is there becomes the content of an element. */
static void wrap(Bytes *b, unsigned char tag)
{
	const char head[] = { (char)tag, (char)0x83, (char)(b->n >> 16), (char)(b->n >> 8),
			      (char)b->n };

	prepend(b, head, sizeof(head));
}

/* sig once more, with so many hashes in the set that nobody has signed. */
static void with_hashes(size_t times)
{
	static const char set[] = { 0x31, 13, 0x30, 11 };
	static char sig[4096];
	FILE *f = fopen(scratch_path("whole"), "re");
	Bytes b = {};
	size_t n;

	assert_non_null(f);
	n = fread(sig, 1, sizeof(sig), f);
	fclose(f);
	/* SEQUENCE, kind, [0], SEQUENCE, version, SET, and the rest. */
	assert_memory_equal(sig + 26, set, sizeof(set));
	for (size_t i = 0; i < times; i++)
		append(&b, sig + 28, 13);
	wrap(&b, 0x31);
	prepend(&b, sig + 23, 3);
	append(&b, sig + 41, n - 41);
	wrap(&b, 0x30);
	wrap(&b, 0xa0);
	prepend(&b, sig + 4, 11);
	wrap(&b, 0x30);
	f = fopen(scratch_path("sig"), "we");
	assert_non_null(f);
	assert_int_equal(fwrite(b.at, 1, b.n, f), b.n);
	assert_int_equal(fclose(f), 0);
	with("true");
}

/* libcrypto would take minutes for those of a signature of a megabyte. */
static void more_than_one_hash_is_refused(void **state)
{
	with(SIGN("-noattr -nocerts -md sha256") " && cp sig whole");
	with_hashes(1);
	trusted();
	with_hashes(0);
	refused("names not one hash");
	with_hashes(2);
	refused("names not one hash");
	with_hashes(1000);
	refused("names not one hash");
	with_hashes(2000);
	refused("bytes, and 16384 are enough");
}

#define verify_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		verify_test(who_is_in_the_folder_is_trusted),
		verify_test(who_is_not_is_refused),
		verify_test(what_was_changed_is_refused),
		verify_test(what_is_not_signed_is_refused),
		verify_test(other_forms_are_refused),
		verify_test(more_than_one_hash_is_refused),
		verify_test(only_so_many_at_once),
	};
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	assert_int_equal(sigprocmask(SIG_BLOCK, &child, NULL), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
