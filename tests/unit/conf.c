/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The settings' file: what may stand in it, and what is said of the rest. */
#include <string.h>

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
	assert_int_equal(conf.build_timeout, 240);
	assert_string_equal(conf.runtimes, "runc crun");
	assert_null(conf.signing_key);
}

static void all_settings(void **state)
{
	_cleanup_conf_ Conf conf = {};

	load("# a comment\n\n  OnFailure = warn\nOnClaim=kill\nBuilder=kbuild\nBuildUser=me\n"
	     "BuildTimeoutSec=9\nModuleSigningKey=/k\nModuleSigningCert=/c\n"
	     "Runtimes= crun  /opt/x/runc \n",
	     &conf);
	assert_true(conf.on_failure_warn);
	assert_true(conf.on_claim_kill);
	assert_true(conf.builder_kbuild);
	assert_string_equal(conf.build_user, "me");
	assert_int_equal(conf.build_timeout, 9);
	assert_string_equal(conf.signing_key, "/k");
	assert_string_equal(conf.signing_cert, "/c");
	assert_string_equal(conf.runtimes, "crun  /opt/x/runc");
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
	assert_refused("ModuleSigningKey=k\n", "an absolute path");
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
		conf_test(what_is_wrong_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
