/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* apparmor_parser as a child: what it says, what it can reach, and when it is stopped. */
#include "tests/unit/scratch.h"

/* scratch.h gives the word away, and fail_msg() needs it. */
#define fail() _fail(__FILE__, __LINE__)

#include "tests/unit/armor.h"
#include "vkerneld/apparmor/complaint.h"

static int compile_by(const ArmorCompiler *c, const char *text, ProfileReport *report)
{
	void *packed = NULL;
	size_t size = 0;
	int r;

	*report = (ProfileReport){};
	r = armor_compile(c, text, strlen(text), &packed, &size, report);
	assert_int_equal(r == 0, packed != NULL);
	assert_int_equal(r == 0, size != 0);
	assert_int_equal(r < 0, report->error != NULL);
	free(packed);
	return r;
}

static void assert_refused(const ArmorCompiler *c, const char *text, int error, const char *message)
{
	ProfileReport report;
	int r = compile_by(c, text, &report);

	if (r != error || !strstr(report.error, message))
		fail_msg("%s: %d, %s", text, r, report.error ? report.error : "no error");
	profile_report_done(&report);
}

static void mistakes_have_a_place(void **state)
{
	static const struct {
		const char *text, *message;
	} wrong[] = {
		{ "profile a {\n /x r,\n /y rz,\n}\n", "line 3: syntax error" },
		{ "profile a {\n include <tunables/nope>\n}\n",
		  "line 2: Could not open 'tunables/nope'" },
		{ "profile a {\n capability foo,\n}\n", "line 2: Invalid capability foo." },
		{ "profile a flags=(nonsense) {\n}\n", "line 1: Invalid profile flag" },
		{ "profile a {\n @{NOPE}/x r,\n}\n", "variable NOPE" },
		{ "profile a {\n /x px -> b,\n /x ix,\n}\n", "conflicting x modifiers" },
		{ "profile a {\n /{x r,\n}\n", "Unclosed grouping" },
		{ "", "no profile" },
		{ "\n \n", "no profile" },
	};
	const ArmorCompiler c = armor_compiler();

	for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
		assert_refused(&c, wrong[i].text, -EINVAL, wrong[i].message);
}

static void mistakes_of_included_files_have_theirs(void **state)
{
	ArmorCompiler c = armor_compiler();

	c.includes = scratch;
	scratch_folder("mine");
	scratch_write("mine/good", "/good r,\n");
	scratch_write("mine/bad", "\n/bad rz,\n");
	assert_refused(&c, "profile a {\n include <mine/good>\n include <mine/bad>\n}\n", -EINVAL,
		       "mine/bad:2: syntax error");
}

static void includes_and_variables(void **state)
{
	_cleanup_armor_policy_ ArmorPolicy policy =
		armor_of("include <tunables/global>\n@{DATA}=/srv /opt\n${ON}=true\n"
			 "profile a {\ninclude <abstractions/base>\n@{DATA}/x r,\n"
			 "if ${ON} {\n /on r,\n} else {\n /off r,\n}\n}\n");
	const ArmorProfile *p = policy.profiles;

	assert_int_equal(owner_may(p, "/srv/x"), ARMOR_READ);
	assert_int_equal(owner_may(p, "/opt/x"), ARMOR_READ);
	assert_int_equal(owner_may(p, "/on"), ARMOR_READ);
	assert_int_equal(owner_may(p, "/off"), 0);
	assert_true(owner_may(p, "/dev/null") & ARMOR_WRITE);
}

static void what_nobody_mediates(void **state)
{
	ArmorCompiler c = armor_compiler();
	ProfileReport report;

	assert_refused(&c, "profile a {\n dbus,\n}\n", -EOPNOTSUPP, "dbus rules not enforced");
	assert_refused(&c,
		       "profile unix {\n # dbus,\n /dbus r,\n\n audit deny dbus send bus=x,\n}\n",
		       -EOPNOTSUPP, "line 5, \"dbus send bus=x,\": ");
	assert_refused(&c, "profile a { /x r, dbus, }", -EOPNOTSUPP, "line 1, \"dbus,\": ");
	assert_refused(
		&c,
		"include <tunables/global>\nprofile a {\n include <abstractions/dbus-strict>\n}\n",
		-EOPNOTSUPP, "\"abstractions/dbus-strict\", line ");
	assert_refused(&c, "profile a {\n deny unix peer=(label=x),\n}\n", -EOPNOTSUPP,
		       "not enforced");
	c.allow_unmediated = true;
	assert_int_equal(compile_by(&c, "profile a {\n dbus,\n dbus send,\n}\n", &report), 0);
	assert_int_equal(report.n_warnings, 1);
	assert_string_equal(report.warnings[0],
			    "line 2, \"dbus,\": profile a: dbus rules not enforced");
	profile_report_done(&report);
}

/* By names that would break the parser's message, or push it out of ours. */
static void what_nobody_mediates_can_not_hide(void **state)
{
	const ArmorCompiler c = armor_compiler();
	char text[1024];

	assert_refused(&c, "profile \"a\\nb\" {\n dbus,\n}\n", -EOPNOTSUPP, "not enforced");
	snprintf(text, sizeof(text), "profile %0600d {\n dbus,\n}\n", 0);
	assert_refused(&c, text, -EOPNOTSUPP, "000");
}

static void what_is_downgraded(void **state)
{
	const ArmorCompiler c = armor_compiler();
	ProfileReport report;

	assert_int_equal(compile_by(&c, "profile a {\n unix send peer=(label=x),\n}\n", &report),
			 0);
	assert_int_equal(report.n_warnings, 1);
	assert_non_null(strstr(report.warnings[0], "downgrading"));
	profile_report_done(&report);
}

/* Flags of AppArmor 4, which 3.0 does not know. */
static void unknown_flags(void **state)
{
	const ArmorCompiler c = armor_compiler();
	ProfileReport report;
	int r = compile_by(&c, "profile a flags=(kill.signal=hup) { }", &report);

	assert_int_equal(r, strstr(report.error, "Invalid") ? -EINVAL : -EOPNOTSUPP);
	assert_non_null(strstr(report.error, "kill.signal"));
	profile_report_done(&report);
}

/* AppArmor 3.0 simplifies this one for ever, if it is let. */
static void an_end_without_simplification(void **state)
{
	_cleanup_armor_policy_ ArmorPolicy policy =
		armor_of("profile a {\n \"/a{,{,,/*a},}[a-c][^b/]\" r,\n}\n");

	assert_int_equal(owner_may(&policy.profiles[0], "/a/xaac"), ARMOR_READ);
}

/* A shell script in the parser's place. */
static ArmorCompiler script(const char *body)
{
	ArmorCompiler c = armor_compiler();
	char text[512];

	snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", body);
	scratch_write("parser", text);
	assert_int_equal(chmod(scratch_path("parser"), 0755), 0);
	c.parser = scratch_path("parser");
	c.timeout = 20;
	return c;
}

static void it_is_limited(void **state)
{
	ProfileReport report;
	ArmorCompiler c;

	c = script("kill -SEGV $$");
	assert_refused(&c, "x", -EINVAL, "crashes");
	c = script("exec head -c 20000000 /dev/zero");
	assert_refused(&c, "x", -EFBIG, "larger than");
	c = script("exec head -c 2000000 /dev/urandom >&2");
	assert_int_equal(compile_by(&c, "x", &report), -EINVAL);
	profile_report_done(&report);
	c = script("exit 127");
	assert_refused(&c, "x", -EIO, "can not be started");
}

/* The first one can not leave the others' group. */
static void it_leaves_nothing_behind(void **state)
{
	ArmorCompiler c;

	assert_int_equal(system("pgrep --full unit-apparmor_compile >/dev/null"), 0);
	c = script("setsid --fork sleep 9606; sleep 9607 & sleep 9608 & exit 127");
	assert_refused(&c, "x", -EIO, "can not be started");
	assert_int_not_equal(system("pgrep --full --exact 'sleep 960[678]'"), 0);
}

/* Whatever it forks can end itself by abort(), and is told as that. */
static void what_it_forks_may_abort(void **state)
{
	ArmorCompiler c;

	c = script("perl -MPOSIX -e 'fork or POSIX::abort; wait; exit(($? & 127) == 6 ? 127 : 1)'");
	assert_refused(&c, "x", -EIO, "can not be started");
}

static void it_is_somebody_else(void **state)
{
	const uid_t uid = geteuid() == 0 ? ARMOR_UID : geteuid();
	ArmorCompiler c;
	char body[256];

	snprintf(body, sizeof(body),
		 "[ \"$(id -u)\" = %u ] && grep -q '^NoNewPrivs:.1' /proc/self/status && "
		 "grep -q '^Seccomp:.2' /proc/self/status && echo >&2 yes; exit 1",
		 uid);
	c = script(body);
	assert_refused(&c, "x", -EINVAL, "yes");
}

static void it_has_no_network(void **state)
{
	const ArmorCompiler c = script("bash -c 'echo >/dev/udp/127.0.0.1/9' >&2; exit 1");

	assert_refused(&c, "x", -EINVAL, "Permission denied");
}

static void it_is_stopped(void **state)
{
	ArmorCompiler c = script("sleep 100 & sleep 100");

	c.timeout = 1;
	assert_refused(&c, "x", -E2BIG, "in 1 seconds");
	c = script("while :; do :; done");
	c.timeout = 1;
	assert_refused(&c, "x", -E2BIG, "in 1 seconds");
}

static void it_is_missing(void **state)
{
	ArmorCompiler c = armor_compiler();

	c.parser = "/nonexistent";
	assert_refused(&c, "profile a { }", -ENOENT, "install the package apparmor");
}

static void it_is_too_large(void **state)
{
	const ArmorCompiler c = armor_compiler();
	ProfileReport report = {};
	void *packed = NULL;
	size_t size;

	assert_int_equal(armor_compile(&c, "", PROFILE_SIZE_MAX + 1, &packed, &size, &report),
			 -EFBIG);
	assert_non_null(report.error);
	profile_report_done(&report);
}

static int complain(const char *words, bool failed, bool unmediated, ProfileReport *report)
{
	_cleanup_free_ char *text = strdup(words);

	*report = (ProfileReport){};
	return complaint_report(text, failed, unmediated, &(ArmorSource){ .includes = "/" },
				report);
}

static void complaints(void **state)
{
	ProfileReport report;

	assert_int_equal(complain("", false, false, &report), 0);
	assert_int_equal(complain("", true, false, &report), -EINVAL);
	assert_non_null(strstr(report.error, "without a word"));
	profile_report_done(&report);
	assert_int_equal(complain("one\n\ntwo\x1b[31m\n", true, false, &report), -EINVAL);
	assert_string_equal(report.error, "one; two?[31m");
	profile_report_done(&report);
	assert_int_equal(complain("AppArmor parser error at line 7: what\n", true, false, &report),
			 -EINVAL);
	assert_string_equal(report.error, "line 7: what");
	profile_report_done(&report);
	assert_int_equal(complain("Warning from " COMPLAINT_STDIN " (" COMPLAINT_STDIN
				  " line 6): profile a network rules not enforced\n",
				  false, false, &report),
			 -EOPNOTSUPP);
	assert_non_null(strstr(report.error, "profile a network rules not enforced: "));
	profile_report_done(&report);
	assert_int_equal(complain("Warning from here\nnoise\n", false, false, &report), 0);
	assert_int_equal(report.n_warnings, 2);
	assert_string_equal(report.warnings[0], "here");
	assert_string_equal(report.warnings[1], "noise");
	profile_report_done(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_have_a_place),
		scratch_test(mistakes_of_included_files_have_theirs),
		cmocka_unit_test(includes_and_variables),
		cmocka_unit_test(what_nobody_mediates),
		cmocka_unit_test(what_nobody_mediates_can_not_hide),
		cmocka_unit_test(what_is_downgraded),
		cmocka_unit_test(unknown_flags),
		cmocka_unit_test(an_end_without_simplification),
		scratch_test(it_is_limited),
		scratch_test(it_leaves_nothing_behind),
		scratch_test(what_it_forks_may_abort),
		scratch_test(it_is_somebody_else),
		scratch_test(it_has_no_network),
		scratch_test(it_is_stopped),
		cmocka_unit_test(it_is_missing),
		cmocka_unit_test(it_is_too_large),
		cmocka_unit_test(complaints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
