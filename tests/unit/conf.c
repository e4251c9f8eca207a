/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The settings' files: what may stand in them, which counts, and what is said of the rest. */
#include <string.h>
#include <unistd.h>

#include "proto/conf.h"
#include "tests/unit/scratch.h"

static char path[128];

static void write_conf(const char *text)
{
	FILE *file;

	snprintf(path, sizeof(path), "%s/conf", scratch);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void load(const char *text, Conf *ret)
{
	_cleanup_free_ char *error = NULL;

	write_conf(text);
	assert_int_equal(conf_load(path, ret, &error), 0);
	assert_null(error);
}

static void assert_refused(const char *text, const char *why)
{
	_cleanup_free_ char *error = NULL;
	Conf conf = {};

	write_conf(text);
	assert_int_equal(conf_load(path, &conf, &error), -EINVAL);
	assert_non_null(error);
	if (!strstr(error, why))
		print_error("'%s' is not about '%s'\n", error, why);
	assert_non_null(strstr(error, why));
	/* Untouched on failure. */
	assert_null(conf.build_user);
}

static void without_a_file(void **state)
{
	_cleanup_conf_ Conf conf = {};
	_cleanup_free_ char *error = NULL;

	assert_int_equal(conf_load("/nonexistent/conf", &conf, &error), 0);
	assert_false(conf.on_failure_warn);
	assert_false(conf.on_claim_kill);
	assert_false(conf.builder_kbuild);
	assert_string_equal(conf.build_user, "vkernel-build");
	assert_string_equal(conf.profile_user, "vkernel-profile");
	assert_int_equal(conf.build_timeout, 240);
	assert_int_equal(conf.builds_max, 1);
	assert_int_equal(conf.build_queue_max, 256);
	assert_int_equal(conf.cache_max, 256 << 20);
	assert_string_equal(conf.runtimes, "runc crun");
	assert_null(conf.signing_key);
	assert_string_equal(conf.signing_hash, "sha256");
}

static void all_settings(void **state)
{
	_cleanup_conf_ Conf conf = {};

	load("# a comment\n\n  OnFailure = warn\nOnClaim=kill\nBuilder=kbuild\nBuildUser=me\n"
	     "BuildTimeoutSec=9\nModuleSigningKey=/k\nModuleSigningCert=/c\n"
	     "ModuleSigningHash=sha512\nModuleImportCerts=/i\n"
	     "Runtimes= crun  /opt/x/runc \nBuildsMax=3\nBuildQueueMax=7\nCacheMax=1G\n",
	     &conf);
	assert_true(conf.on_failure_warn);
	assert_true(conf.on_claim_kill);
	assert_true(conf.builder_kbuild);
	assert_string_equal(conf.build_user, "me");
	assert_int_equal(conf.build_timeout, 9);
	assert_string_equal(conf.signing_key, "/k");
	assert_string_equal(conf.signing_cert, "/c");
	assert_string_equal(conf.signing_hash, "sha512");
	assert_string_equal(conf.import_certs, "/i");
	assert_string_equal(conf.runtimes, "crun  /opt/x/runc");
	assert_int_equal(conf.builds_max, 3);
	assert_int_equal(conf.build_queue_max, 7);
	assert_int_equal(conf.cache_max, 1u << 30);
}

static void sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t size;
	} sizes[] = {
		{ "CacheMax=0\n", 0 },
		{ "CacheMax=12345\n", 12345 },
		{ "CacheMax=20K\n", 20 << 10 },
		{ "CacheMax=3M\n", 3 << 20 },
		{ "CacheMax=2T\n", UINT64_C(2) << 40 },
		{ "CacheMax=infinity\n", UINT64_MAX },
	};

	for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
		_cleanup_conf_ Conf conf = {};

		load(sizes[i].text, &conf);
		assert_true(conf.cache_max == sizes[i].size);
	}
}

static char folders[2][128];
static const char *const both[] = { folders[0], folders[1], NULL };

static void make_folders(void)
{
	for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
		snprintf(folders[i], sizeof(folders[i]), "%s/%zu", scratch, i);
		scratch_folder(i ? "1" : "0");
	}
}

static void load_both(Conf *ret)
{
	_cleanup_free_ char *error = NULL;

	snprintf(path, sizeof(path), "%s/conf", scratch);
	assert_int_equal(conf_load_folders(path, both, ret, &error), 0);
}

static void drop_ins_go_before_the_file(void **state)
{
	_cleanup_conf_ Conf conf = {};

	make_folders();
	write_conf("BuildTimeoutSec=1\nBuildsMax=9\nBuildUser=me\n");
	scratch_write("1/50-b.conf", "BuildTimeoutSec=2\nBuildsMax=8\n");
	load_both(&conf);
	assert_int_equal(conf.build_timeout, 2);
	assert_int_equal(conf.builds_max, 8);
	assert_string_equal(conf.build_user, "me");
}

/* Of names, that is, whichever the folder. */
static void the_last_drop_in_holds(void **state)
{
	_cleanup_conf_ Conf conf = {};

	make_folders();
	scratch_write("0/10-a.conf", "BuildTimeoutSec=1\nBuildsMax=1\nCacheMax=1\n");
	scratch_write("1/20-b.conf", "BuildTimeoutSec=2\nBuildsMax=2\n");
	scratch_write("0/30-c.conf", "BuildTimeoutSec=3\n");
	load_both(&conf);
	assert_int_equal(conf.build_timeout, 3);
	assert_int_equal(conf.builds_max, 2);
	assert_int_equal(conf.cache_max, 1);
}

static void of_one_name_the_first_folder_counts(void **state)
{
	_cleanup_conf_ Conf conf = {};

	make_folders();
	scratch_write("0/10-a.conf", "BuildTimeoutSec=1\n");
	scratch_write("1/10-a.conf", "BuildTimeoutSec=2\nBuildsMax=2\n");
	scratch_write("1/20-b.conf", "CacheMax=5\n");
	assert_int_equal(symlink("/dev/null", scratch_path("0/20-b.conf")), 0);
	load_both(&conf);
	assert_int_equal(conf.build_timeout, 1);
	assert_int_equal(conf.builds_max, 1);
	assert_int_equal(conf.cache_max, 256 << 20);
}

static void what_has_another_name_is_no_drop_in(void **state)
{
	_cleanup_conf_ Conf conf = {};

	make_folders();
	scratch_write("0/a.conf~", "no setting");
	scratch_write("0/.a.conf", "no setting");
	scratch_write("0/README", "no setting");
	scratch_write("0/conf", "no setting");
	load_both(&conf);
	assert_int_equal(conf.build_timeout, 240);
}

static void a_file_has_drop_ins_beside_it(void **state)
{
	_cleanup_conf_ Conf conf = {};

	scratch_folder("conf.d");
	scratch_write("conf.d/a.conf", "BuildTimeoutSec=8\n");
	load("BuildTimeoutSec=9\n", &conf);
	assert_int_equal(conf.build_timeout, 8);
}

static void a_wrong_drop_in_is_told_by_its_own_name(void **state)
{
	_cleanup_free_ char *error = NULL;

	scratch_folder("conf.d");
	scratch_write("conf.d/a.conf", "\n\nBuildsMax=0\n");
	assert_refused("", "conf.d/a.conf:3: BuildsMax= wants a number from 1 to 64");
	scratch_write("conf.d/a.conf", "");
	assert_int_equal(mkdir(scratch_path("conf.d/b.conf"), 0755), 0);
	write_conf("");
	assert_int_equal(conf_load(path, &(Conf){}, &error), -EISDIR);
	assert_non_null(strstr(error, "conf.d/b.conf: "));
}

static void the_last_one_holds(void **state)
{
	_cleanup_conf_ Conf conf = {};

	load("OnClaim=kill\nOnFailure=warn\nOnClaim=refuse\nOnFailure=refuse\n", &conf);
	assert_false(conf.on_claim_kill);
	assert_false(conf.on_failure_warn);
}

static void what_is_wrong_is_told(void **state)
{
	assert_refused("OnClaim=\n", ":1: OnClaim= wants refuse or kill");
	assert_refused("\nOnClaim=Kill\n", ":2: OnClaim= wants refuse or kill");
	assert_refused("OnClaim=warn\n", "refuse or kill");
	assert_refused("OnFailure=kill\n", "refuse or warn");
	assert_refused("OnClaims=kill\n", "unknown setting 'OnClaims'");
	assert_refused("OnClaim\n", "Key=value");
	assert_refused("BuildTimeoutSec=0\n", "seconds");
	assert_refused("BuildsMax=65\n", "from 1 to 64");
	assert_refused("BuildQueueMax=-1\n", "from 1 to 65536");
	assert_refused("CacheMax=1X\n", "bytes");
	assert_refused("CacheMax=1KB\n", "bytes");
	assert_refused("CacheMax=\n", "bytes");
	assert_refused("CacheMax=18446744073709551616\n", "bytes");
	assert_refused("CacheMax=99999999999T\n", "bytes");
	assert_refused("ModuleSigningKey=k\n", "an absolute path");
	assert_refused("ModuleImportCerts=i\n", "the absolute path of a folder");
	assert_refused("ModuleSigningHash=sha1\n", "sha256, sha384 or sha512");
	assert_refused("Runtimes=\n", "names or absolute paths");
	assert_refused("Runtimes=runc bin/crun\n", "names or absolute paths");
}

#define conf_test(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		conf_test(without_a_file),
		conf_test(all_settings),
		conf_test(the_last_one_holds),
		conf_test(sizes),
		conf_test(what_is_wrong_is_told),
		conf_test(drop_ins_go_before_the_file),
		conf_test(the_last_drop_in_holds),
		conf_test(of_one_name_the_first_folder_counts),
		conf_test(what_has_another_name_is_no_drop_in),
		conf_test(a_file_has_drop_ins_beside_it),
		conf_test(a_wrong_drop_in_is_told_by_its_own_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
