/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reader of seccomp profiles: what each field does, and what each mistake is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <vkernel/verdict.h>

#include "proto/util.h"
#include "vkerneld/profile/policy.h"

#define ALLOW VK_VERDICT(VK_ALLOW, 0)
#define ERRNO(n) VK_VERDICT(VK_ERRNO, n)

/* x86-64 and i386 numbers */
enum { READ = 0, CLOSE = 3, PERSONALITY = 135, UNAME = 63, CLONE3 = 435, MKNODAT = 259 };
enum { READ_32 = 3, UNAME_32 = 122 };

static const char *const capabilities[] = { "CAP_CHOWN", "CAP_KILL", NULL };
static const ProfileTarget target = { 6, 1, capabilities };

static int read_profile(const char *json, size_t size, Policy **p, ProfileReport *report)
{
	int r;

	*report = (ProfileReport){};
	*p = NULL;
	r = profile_read_seccomp(json, size, &target, p, report);
	if (r < 0) {
		assert_null(*p);
		assert_non_null(report->error);
	} else {
		assert_null(report->error);
		assert_non_null(*p);
		assert_true(vk_policy_valid(*p));
	}
	return r;
}

/* Single quotes stand for double ones in the profiles below. */
static char *unquoted(const char *json)
{
	char *text = strdup(json);

	assert_non_null(text);
	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	return text;
}

static Policy *good(const char *json, const char *warning)
{
	_cleanup_free_ char *text = unquoted(json);
	ProfileReport report;
	Policy *p;

	if (read_profile(text, strlen(text), &p, &report) < 0)
		fail_msg("%s: %s", json, report.error);
	if (warning) {
		assert_int_equal(report.n_warnings, 1);
		assert_string_equal(report.warnings[0], warning);
		assert_null(report.warnings[1]);
	} else if (report.n_warnings) {
		fail_msg("%s: %s", json, report.warnings[0]);
	}
	profile_report_done(&report);
	return p;
}

static void bad(int error, const char *message, const char *json)
{
	_cleanup_free_ char *text = unquoted(json);
	ProfileReport report;
	Policy *p;

	assert_int_equal(read_profile(text, strlen(text), &p, &report), error);
	assert_string_equal(report.error, message);
	profile_report_done(&report);
}

static uint32_t verdict_of(const Policy *p, enum vk_table table, uint32_t number, uint64_t arg0)
{
	const __u64 args[6] = { arg0 };

	return vk_verdict(p, p->table[table][number], args);
}

static uint32_t native(const Policy *p, uint32_t number)
{
	return verdict_of(p, VK_TABLE_NATIVE, number, 0);
}

static uint32_t compat(const Policy *p, uint32_t number)
{
	return verdict_of(p, VK_TABLE_COMPAT, number, 0);
}

static void test_disabled(void **state)
{
	_cleanup_free_ Policy *allow = NULL;
	static const char *const profiles[] = { "{}", "{'defaultAction':''}", "{'syscalls':[]}",
						" {\n'syscalls': null } \n" };

	assert_int_equal(policy_new_allow(&allow), 0);
	for (size_t i = 0; i < ELEMENTSOF(profiles); i++) {
		_cleanup_free_ Policy *p = good(profiles[i], NULL);

		assert_memory_equal(p, allow, sizeof(*p));
	}
}

static void test_actions(void **state)
{
	static const struct {
		const char *action;
		uint32_t verdict;
	} actions[] = {
		{ "SCMP_ACT_ALLOW'", ALLOW },
		{ "SCMP_ACT_LOG'", VK_VERDICT(VK_LOG, 0) },
		{ "SCMP_ACT_TRACE'", VK_VERDICT(VK_TRACE, 1) },
		{ "SCMP_ACT_TRACE','errnoRet':9", VK_VERDICT(VK_TRACE, 9) },
		{ "SCMP_ACT_ERRNO'", ERRNO(1) },
		{ "SCMP_ACT_ERRNO','errnoRet':0", ERRNO(0) },
		{ "SCMP_ACT_ERRNO','errnoRet':4094", ERRNO(4094) },
		{ "SCMP_ACT_ERRNO','errnoRet':null", ERRNO(1) },
		{ "SCMP_ACT_ERRNO','errno':'ENOSYS'", ERRNO(38) },
		{ "SCMP_ACT_ERRNO','errno':'','errnoRet':2", ERRNO(2) },
		{ "SCMP_ACT_ERRNO','errno':'EINVAL','errnoRet':22", ERRNO(22) },
		{ "SCMP_ACT_TRAP'", VK_VERDICT(VK_TRAP, 0) },
		{ "SCMP_ACT_KILL'", VK_VERDICT(VK_KILL_THREAD, 0) },
		{ "SCMP_ACT_KILL_THREAD'", VK_VERDICT(VK_KILL_THREAD, 0) },
		{ "SCMP_ACT_KILL_PROCESS'", VK_VERDICT(VK_KILL_PROCESS, 0) },
	};
	char json[256];

	for (size_t i = 0; i < ELEMENTSOF(actions); i++) {
		_cleanup_free_ Policy *p = NULL;

		snprintf(json, sizeof(json),
			 "{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':77,"
			 "'syscalls':[{'names':['uname'],'action':'%s}]}",
			 actions[i].action);
		p = good(json, NULL);
		assert_int_equal(native(p, UNAME), actions[i].verdict);
		assert_int_equal(native(p, READ), ERRNO(77));
	}
}

static void test_default_errno(void **state)
{
	_cleanup_free_ Policy *p = good("{'defaultAction':'SCMP_ACT_ERRNO'}", NULL);
	_cleanup_free_ Policy *q = good("{'defaultAction':'SCMP_ACT_ERRNO','defaultErrno':'ENOSYS',"
					"'defaultErrnoRet':38}",
					NULL);

	assert_int_equal(native(p, READ), ERRNO(1));
	assert_int_equal(native(p, VK_CALL_BEYOND), ERRNO(1));
	assert_int_equal(native(q, READ), ERRNO(38));
}

static void test_architectures(void **state)
{
	static const char *const without[] = { "", "'architectures':[],",
					       "'architectures':['SCMP_ARCH_X86_64'],",
					       "'architectures':['SCMP_ARCH_ARM','SCMP_ARCH_X32'],",
					       "'archMap':[{'architecture':'SCMP_ARCH_AARCH64',"
					       "'subArchitectures':['SCMP_ARCH_X86']}]," };
	static const char *const with[] = {
		"'architectures':['SCMP_ARCH_X86'],", "'architectures':['x86_64','x86'],",
		"'archMap':[{'architecture':'SCMP_ARCH_X86_64',"
		"'subArchitectures':['SCMP_ARCH_X86','SCMP_ARCH_X32']}],"
		"'architectures':[],"
	};
	const char *format = "{%s'defaultAction':'SCMP_ACT_ERRNO',"
			     "'syscalls':[{'names':['uname'],'action':'SCMP_ACT_ALLOW'}]}";
	char json[512];

	for (size_t i = 0; i < ELEMENTSOF(without); i++) {
		_cleanup_free_ Policy *p = NULL;

		snprintf(json, sizeof(json), format, without[i]);
		p = good(json, NULL);
		assert_int_equal(native(p, UNAME), ALLOW);
		/* libseccomp's answer to an architecture that a filter does not name */
		assert_int_equal(compat(p, UNAME_32), VK_VERDICT(VK_KILL_THREAD, 0));
	}
	for (size_t i = 0; i < ELEMENTSOF(with); i++) {
		_cleanup_free_ Policy *p = NULL;

		snprintf(json, sizeof(json), format, with[i]);
		p = good(json, NULL);
		assert_int_equal(native(p, UNAME), ALLOW);
		assert_int_equal(compat(p, UNAME_32), ALLOW);
		assert_int_equal(compat(p, READ_32), ERRNO(1));
	}
}

/* Newer calls than the profile knows; but what is permissive by default stays so. */
static void test_enosys(void **state)
{
	const char *format = "{'defaultAction':'SCMP_ACT_%s','architectures':['SCMP_ARCH_X86'],"
			     "'syscalls':[{'names':['clone3'],'action':'SCMP_ACT_ERRNO'}]}";
	static const char *const strict[] = { "KILL", "KILL_PROCESS", "TRAP", "ERRNO" };
	static const char *const permissive[] = { "ALLOW", "LOG", "TRACE" };
	char json[256];

	for (size_t i = 0; i < ELEMENTSOF(strict); i++) {
		_cleanup_free_ Policy *p = NULL;

		snprintf(json, sizeof(json), format, strict[i]);
		p = good(json, NULL);
		assert_int_equal(native(p, CLONE3), ERRNO(1));
		assert_int_equal(native(p, CLONE3 + 1), ERRNO(38));
		assert_int_equal(native(p, VK_CALL_BEYOND), ERRNO(38));
		assert_int_equal(compat(p, VK_CALL_BEYOND), ERRNO(38));
	}
	for (size_t i = 0; i < ELEMENTSOF(permissive); i++) {
		_cleanup_free_ Policy *p = NULL;

		snprintf(json, sizeof(json), format, permissive[i]);
		p = good(json, NULL);
		assert_int_not_equal(native(p, CLONE3 + 1), ERRNO(38));
		assert_int_equal(native(p, VK_CALL_BEYOND), native(p, READ));
	}
}

static void test_conditions(void **state)
{
	static const struct {
		const char *json;
		bool applies;
	} conditions[] = {
		{ "'includes':{},'excludes':{}", true },
		{ "'includes':null", true },
		{ "'includes':{'arches':[]}", true },
		{ "'includes':{'arches':['amd64']}", true },
		{ "'includes':{'arches':['arm','x86_64']}", true },
		{ "'includes':{'arches':['SCMP_ARCH_X86_64']}", true },
		{ "'includes':{'arches':['x86','x32','arm64','nonsense']}", false },
		{ "'excludes':{'arches':['amd64']}", false },
		{ "'excludes':{'arches':['arm64']}", true },
		{ "'includes':{'caps':['CAP_CHOWN','CAP_KILL']}", true },
		{ "'includes':{'caps':['CAP_CHOWN','CAP_BPF']}", false },
		{ "'excludes':{'caps':['CAP_BPF']}", true },
		{ "'excludes':{'caps':['CAP_BPF','CAP_KILL']}", false },
		{ "'includes':{'minKernel':'6.1'}", true },
		{ "'includes':{'minKernel':'4.19'}", true },
		{ "'includes':{'minKernel':'6.2'}", false },
		{ "'includes':{'minKernel':'10.0'}", false },
		{ "'excludes':{'minKernel':'6.1'}", false },
		{ "'excludes':{'minKernel':'6.10'}", true },
		{ "'includes':{'arches':['amd64']},'excludes':{'caps':['CAP_KILL']}", false },
		{ "'includes':{'arches':['amd64'],'caps':['CAP_BPF']}", false },
	};
	char json[512];

	for (size_t i = 0; i < ELEMENTSOF(conditions); i++) {
		_cleanup_free_ Policy *p = NULL;

		snprintf(json, sizeof(json),
			 "{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['uname'],"
			 "'action':'SCMP_ACT_ALLOW',%s}]}",
			 conditions[i].json);
		p = good(json, NULL);
		if ((native(p, UNAME) == ALLOW) != conditions[i].applies)
			fail_msg("%s", conditions[i].json);
	}
}

/* A rule that does not apply may ask for what could not be enforced. */
static void test_dropped_notify(void **state)
{
	_cleanup_free_ Policy *p =
		good("{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'name':'uname',"
		     "'action':'SCMP_ACT_NOTIFY','includes':{'arches':['s390x']}}]}",
		     NULL);

	assert_int_equal(native(p, UNAME), ALLOW);
}

static void test_repeated_index(void **state)
{
	_cleanup_free_ Policy *p =
		good("{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['personality'],"
		     "'action':'SCMP_ACT_ALLOW','args':["
		     "{'index':0,'value':0,'op':'SCMP_CMP_EQ'},"
		     "{'index':0,'value':18446744073709551615,'op':'SCMP_CMP_EQ'}]}]}",
		     NULL);

	assert_int_equal(verdict_of(p, VK_TABLE_NATIVE, PERSONALITY, 0), ALLOW);
	assert_int_equal(verdict_of(p, VK_TABLE_NATIVE, PERSONALITY, UINT64_MAX), ALLOW);
	assert_int_equal(verdict_of(p, VK_TABLE_NATIVE, PERSONALITY, UINT32_MAX), ERRNO(1));
	assert_int_equal(p->nr_nodes, 2);
}

static void test_masked(void **state)
{
	_cleanup_free_ Policy *p =
		good("{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['personality'],"
		     "'action':'SCMP_ACT_ALLOW','args':["
		     "{'index':0,'value':240,'valueTwo':16,'op':'SCMP_CMP_MASKED_EQ'}]}]}",
		     NULL);

	assert_int_equal(verdict_of(p, VK_TABLE_NATIVE, PERSONALITY, 0x1f), ALLOW);
	assert_int_equal(verdict_of(p, VK_TABLE_NATIVE, PERSONALITY, 0x2f), ERRNO(1));
}

/* The upper half of an i386 argument is no part of it. */
static void test_compat_arguments(void **state)
{
	_cleanup_free_ Policy *p =
		good("{'defaultAction':'SCMP_ACT_ERRNO','architectures':['SCMP_ARCH_X86'],"
		     "'syscalls':[{'names':['read'],'action':'SCMP_ACT_ALLOW',"
		     "'args':[{'index':0,'value':7,'op':'SCMP_CMP_GE'}]}]}",
		     NULL);

	assert_int_equal(verdict_of(p, VK_TABLE_COMPAT, READ_32, 0xdead00000007), ALLOW);
	assert_int_equal(verdict_of(p, VK_TABLE_COMPAT, READ_32, 0xdead00000006), ERRNO(1));
}

/* One 64-bit comparison each, where a filter needs up to three. */
static void test_joined_words(void **state)
{
	static const char *const operators[] = { "EQ", "NE", "GT", "GE", "LT", "LE" };
	static const char *const values[] = { "1", "4294967295", "4294967296", "4294967301",
					      "9223372036854775808" };
	char json[256];

	for (size_t i = 0; i < ELEMENTSOF(operators); i++)
		for (size_t k = 0; k < ELEMENTSOF(values); k++) {
			_cleanup_free_ Policy *p = NULL;

			snprintf(json, sizeof(json),
				 "{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['read'],"
				 "'action':'SCMP_ACT_ALLOW','args':[{'index':1,'value':%s,"
				 "'op':'SCMP_CMP_%s'}]}]}",
				 values[k], operators[i]);
			p = good(json, NULL);
			if (p->nr_nodes != 1)
				fail_msg("%s %s: %u nodes", operators[i], values[k], p->nr_nodes);
		}
}

static void test_warnings(void **state)
{
	static const struct {
		const char *json, *warning;
	} cases[] = {
		{ "{'defaultAction':'SCMP_ACT_ALLOW','surprise':1}",
		  "profile: unknown field \"surprise\", ignoring" },
		{ "{'defaultAction':'SCMP_ACT_ALLOW','listenerPath':'/x'}",
		  "listenerPath: nothing in the profile notifies, ignoring" },
		{ "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read','frobnicate'],"
		  "'action':'SCMP_ACT_ERRNO'}]}",
		  "syscalls[0].names[1]: unknown system call \"frobnicate\", ignoring" },
		{ "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'name':'x\\ny\\u0001\\\\\\u00e9',"
		  "'action':'SCMP_ACT_ERRNO'}]}",
		  "syscalls[0].name: unknown system call \"x\\ny\\x01\\\\\\xc3\\xa9\", ignoring" },
		{ "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read\\u0000'],"
		  "'action':'SCMP_ACT_ERRNO'}]}",
		  "syscalls[0].names[0]: unknown system call \"read\\x00\", ignoring" },
		{ "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read'],'extra':[],"
		  "'action':'SCMP_ACT_ERRNO'}]}",
		  "syscalls[0]: unknown field \"extra\", ignoring" },
		{ "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read'],"
		  "'action':'SCMP_ACT_ERRNO','includes':{'when':1}}]}",
		  "syscalls[0].includes: unknown field \"when\", ignoring" },
		{ "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read'],"
		  "'action':'SCMP_ACT_ERRNO','args':[{'index':0,'value':1,'op':'SCMP_CMP_EQ',"
		  "'x':1}]}]}",
		  "syscalls[0].args[0]: unknown field \"x\", ignoring" },
		{ "{'defaultAction':'SCMP_ACT_ALLOW','archMap':[{'architecture':'SCMP_ARCH_X86_64',"
		  "'y':1}]}",
		  "archMap[0]: unknown field \"y\", ignoring" },
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++)
		free(good(cases[i].json, cases[i].warning));
}

static void test_accepted(void **state)
{
	static const char *const profiles[] = {
		"{'defaultAction':'SCMP_ACT_ALLOW','flags':['SECCOMP_FILTER_FLAG_TSYNC',"
		"'SECCOMP_FILTER_FLAG_LOG','SECCOMP_FILTER_FLAG_SPEC_ALLOW']}",
		"{'defaultAction':'SCMP_ACT_ALLOW','flags':null,'listenerPath':'',"
		"'listenerMetadata':''}",
		"{'defaultAction':'SCMP_ACT_ALLOW','comment':'x','syscalls':[{'comment':'y',"
		"'names':[],'name':'read','action':'SCMP_ACT_ALLOW','args':null}]}",
	};

	for (size_t i = 0; i < ELEMENTSOF(profiles); i++)
		free(good(profiles[i], NULL));
}

#define RULE(fields) "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{" fields "}]}"
#define ARG(fields) \
	RULE("'names':['read'],'action':'SCMP_ACT_ERRNO','args':[{'op':'SCMP_CMP_EQ'," fields "}]")

static void test_errors(void **state)
{
	static const struct {
		const char *message, *json;
	} cases[] = {
		{ "the profile is empty", "" },
		{ "the profile is empty", " \n\t" },
		{ "line 1, column 1: a profile is a JSON object and starts with {", "[]" },
		{ "line 2, column 2: a profile is a JSON object and starts with {", "\n x" },
		{ "line 1, column 7: the JSON text ends too early", "{'a':1" },
		{ "line 2, column 5: unexpected character", "{'a':1,\n'b':x}" },
		{ "line 1, column 4: the profile ends before this, but text follows", "{} {" },
		{ "line 1, column 7: invalid utf-8 string", "{'a':'\xff'}" },
		{ "line 1, column 6: the number needs more than 64 bits",
		  "{'a':18446744073709551616}" },
		{ "profile: has no defaultAction",
		  "{'syscalls':[{'names':['read'],'action':'SCMP_ACT_ALLOW'}]}" },
		{ "defaultAction: unknown action \"SCMP_ACT_DENY\"",
		  "{'defaultAction':'SCMP_ACT_DENY'}" },
		{ "defaultAction: unknown action \"scmp_act_allow\"",
		  "{'defaultAction':'scmp_act_allow'}" },
		{ "defaultAction: must be of type string, not int", "{'defaultAction':1}" },
		{ "defaultAction: holds a NUL", "{'defaultAction':'SCMP_ACT_ALLOW\\u0000'}" },
		{ "defaultErrnoRet: SCMP_ACT_ALLOW returns no errno; drop it",
		  "{'defaultAction':'SCMP_ACT_ALLOW','defaultErrnoRet':1}" },
		{ "defaultErrnoRet: must be from 0 to 4094",
		  "{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':4096}" },
		{ "defaultErrnoRet: must be a whole number, not string",
		  "{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':'1'}" },
		{ "defaultErrno: unknown errno \"EWHAT\"",
		  "{'defaultAction':'SCMP_ACT_ERRNO','defaultErrno':'EWHAT'}" },
		{ "profile: has both architectures and archMap; use one",
		  "{'defaultAction':'SCMP_ACT_ALLOW','architectures':['SCMP_ARCH_X86'],"
		  "'archMap':[{'architecture':'SCMP_ARCH_X86_64'}]}" },
		{ "architectures[0]: unknown architecture \"SCMP_ARCH_Z80\"",
		  "{'defaultAction':'SCMP_ACT_ALLOW','architectures':['SCMP_ARCH_Z80']}" },
		{ "architectures: must be of type array, not string",
		  "{'defaultAction':'SCMP_ACT_ALLOW','architectures':'SCMP_ARCH_X86'}" },
		{ "archMap[0].architecture: unknown architecture \"\"",
		  "{'defaultAction':'SCMP_ACT_ALLOW','archMap':[{}]}" },
		{ "archMap[0]: must be of type object, not array",
		  "{'defaultAction':'SCMP_ACT_ALLOW','archMap':[[]]}" },
		{ "archMap[0].subArchitectures[0]: must be of type string, not int",
		  "{'defaultAction':'SCMP_ACT_ALLOW','archMap':[{'architecture':"
		  "'SCMP_ARCH_X86_64','subArchitectures':[1]}]}" },
		{ "flags[0]: unknown flag \"FAST\"",
		  "{'defaultAction':'SCMP_ACT_ALLOW','flags':['FAST']}" },
		{ "listenerPath: must be of type string, not int",
		  "{'defaultAction':'SCMP_ACT_ALLOW','listenerPath':1}" },
		{ "syscalls: must be of type array, not object",
		  "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':{}}" },
		{ "syscalls[0]: must be of type object, not null",
		  "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[null]}" },
		{ "syscalls[0]: must be of type object, not int",
		  "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[1]}" },
		{ "syscalls[0]: has no action", RULE("'names':['read']") },
		{ "syscalls[0].names: is missing", RULE("'action':'SCMP_ACT_ERRNO'") },
		{ "syscalls[0].names[0]: must be of type string",
		  RULE("'action':'SCMP_ACT_ERRNO','names':[7]") },
		{ "syscalls[0]: has both name and names; use names",
		  RULE("'action':'SCMP_ACT_ERRNO','names':['read'],'name':'write'") },
		{ "syscalls[0].errnoRet: SCMP_ACT_KILL returns no errno; drop it",
		  RULE("'names':['read'],'action':'SCMP_ACT_KILL','errnoRet':1") },
		{ "syscalls[0].errno: contradicts errnoRet; drop one of them",
		  RULE("'names':['read'],'action':'SCMP_ACT_ERRNO','errnoRet':1,'errno':'EIO'") },
		{ "syscalls[0].includes.minKernel: must be a kernel version like \"4.8\", not "
		  "\"six\"",
		  RULE("'names':['read'],'action':'SCMP_ACT_ERRNO','includes':{'minKernel':"
		       "'six'}") },
		{ "syscalls[0].excludes.caps: must be of type array, not string",
		  RULE("'names':['read'],'action':'SCMP_ACT_ERRNO','excludes':{'caps':'x'}") },
		{ "syscalls[0].includes: must be of type object, not array",
		  RULE("'names':['read'],'action':'SCMP_ACT_ERRNO','includes':[]") },
		{ "syscalls[0].args[0]: must be of type object, not null",
		  RULE("'names':['read'],'action':'SCMP_ACT_ERRNO','args':[null]") },
		{ "syscalls[0].args[0].index: is missing", ARG("'value':1") },
		{ "syscalls[0].args[0].index: must be from 0 to 5", ARG("'value':1,'index':6") },
		{ "syscalls[0].args[0].value: is missing", ARG("'index':1") },
		{ "syscalls[0].args[0].value: must be from 0 to 18446744073709551615",
		  ARG("'index':1,'value':-1") },
		{ "syscalls[0].args[0].value: must be a whole number, not double",
		  ARG("'index':1,'value':1.0") },
		{ "syscalls[0].args[0].value: must be a whole number, not boolean",
		  ARG("'index':1,'value':true") },
		{ "syscalls[0].args[0].valueTwo: must be a whole number, not string",
		  ARG("'index':1,'value':1,'valueTwo':'1'") },
		{ "syscalls[0].args[0].op: unknown operator \"==\"",
		  RULE("'names':['read'],'action':'SCMP_ACT_ERRNO','args':[{'index':0,'value':1,"
		       "'op':'=='}]") },
		{ "syscalls[0].args[0].op: is missing",
		  RULE("'names':['read'],'action':'SCMP_ACT_ERRNO','args':[{'index':0,"
		       "'value':1}]") },
		{ "syscalls[1]: contradicts an earlier rule on the same values",
		  RULE("'names':['read'],'action':'SCMP_ACT_ERRNO','args':[{'index':0,'value':1,"
		       "'op':'SCMP_CMP_EQ'}]},{'names':['read'],'action':'SCMP_ACT_TRAP',"
		       "'args':[{'index':0,'value':1,'op':'SCMP_CMP_EQ'}]") },
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++)
		bad(-EINVAL, cases[i].message, cases[i].json);
}

static void test_refusals(void **state)
{
	bad(-EOPNOTSUPP,
	    "syscalls[0].action: SCMP_ACT_NOTIFY can not be enforced by vkernel; use "
	    "SCMP_ACT_ERRNO",
	    RULE("'names':['read'],'action':'SCMP_ACT_NOTIFY'"));
	bad(-EOPNOTSUPP,
	    "defaultAction: SCMP_ACT_NOTIFY can not be enforced by vkernel; use SCMP_ACT_ERRNO",
	    "{'defaultAction':'SCMP_ACT_NOTIFY'}");
	bad(-EOPNOTSUPP,
	    "flags[0]: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV goes with SCMP_ACT_NOTIFY, which "
	    "vkernel can not enforce",
	    "{'defaultAction':'SCMP_ACT_ALLOW','flags':"
	    "['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV']}");
}

static void refuse_text(int error, const char *message, char *text, size_t size)
{
	ProfileReport report;
	Policy *p;

	assert_int_equal(read_profile(text, size, &p, &report), error);
	assert_string_equal(report.error, message);
	profile_report_done(&report);
	free(text);
}

static char *repeated(const char *head, const char *part, size_t n, const char *tail, size_t *size)
{
	char *text = malloc(strlen(head) + n * strlen(part) + strlen(tail) + 1), *end;

	assert_non_null(text);
	end = stpcpy(text, head);
	while (n--)
		end = stpcpy(end, part);
	*size = (size_t)(stpcpy(end, tail) - text);
	return text;
}

static void test_sizes(void **state)
{
	char *text;
	size_t size;

	text = repeated("{", " ", PROFILE_SIZE_MAX, "}", &size);
	refuse_text(-EFBIG, "the profile is larger than 4194304 bytes", text, size);
	text = repeated("{\"a\":", "[", 1000000, "", &size);
	refuse_text(-E2BIG, "more than 65536 objects and arrays", text, size);
	text = repeated("{\"a\":", "[", 100, "", &size);
	refuse_text(-EINVAL, "line 1, column 21: nesting too deep", text, size);
	text = repeated("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"action\":"
			"\"SCMP_ACT_ERRNO\",\"names\":[\"read\"",
			",\"read\"", 9000, "]}]}", &size);
	refuse_text(-E2BIG, "syscalls[0]: more than 8192 rules; merge or split the profile", text,
		    size);
}

/* Two rules that libseccomp 2.5 never finishes with; a later one may. */
static void test_endless(void **state)
{
	_cleanup_free_ char *text = unquoted(
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read'],"
		"'action':'SCMP_ACT_ERRNO','args':["
		"{'index':0,'value':18446744073709551615,'op':'SCMP_CMP_GE'},"
		"{'index':2,'value':1,'valueTwo':1,'op':'SCMP_CMP_MASKED_EQ'}]},{'names':['read'],"
		"'action':'SCMP_ACT_TRAP','args':["
		"{'index':5,'value':18446744069414584320,'op':'SCMP_CMP_NE'},"
		"{'index':0,'value':18446744073709551615,'op':'SCMP_CMP_GE'}]}]}");
	ProfileReport report;
	Policy *p;
	int r = read_profile(text, strlen(text), &p, &report);

	if (r < 0) {
		assert_int_equal(r, -E2BIG);
		assert_string_equal(report.error, "reading this does not come to an end in 3 "
						  "seconds; use fewer conditions or patterns");
	}
	profile_report_done(&report);
	free(p);
}

static void test_many_warnings(void **state)
{
	size_t size;
	_cleanup_free_ char *text =
		repeated("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"action\":"
			 "\"SCMP_ACT_ERRNO\",\"names\":[\"x\"",
			 ",\"y\"", 1000, "]}]}", &size);
	ProfileReport report;
	Policy *p;

	assert_int_equal(read_profile(text, size, &p, &report), 0);
	assert_int_equal(report.n_warnings, PROFILE_WARNINGS_MAX + 1);
	assert_string_equal(report.warnings[PROFILE_WARNINGS_MAX], "937 more warnings like these");
	assert_null(report.warnings[PROFILE_WARNINGS_MAX + 1]);
	profile_report_done(&report);
	free(p);
}

/* A message stays short and printable, whatever the name. */
static void test_long_name(void **state)
{
	size_t size;
	_cleanup_free_ char *text =
		repeated("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"action\":"
			 "\"SCMP_ACT_ERRNO\",\"names\":[\"",
			 "*/ \\\"; \\n", 100000, "\"]}]}", &size);
	ProfileReport report;
	Policy *p;

	assert_int_equal(read_profile(text, size, &p, &report), 0);
	assert_int_equal(report.n_warnings, 1);
	assert_true(strlen(report.warnings[0]) < 160);
	for (const char *c = report.warnings[0]; *c; c++)
		assert_true(*c >= 0x20 && *c < 0x7f);
	profile_report_done(&report);
	free(p);
}

/* Debian's default of podman, as golang-github-containers-common installs it. */
static void test_containers_common(void **state)
{
	const char *path = "/usr/share/containers/seccomp.json";
	_cleanup_fclose_ FILE *f = fopen(path, "r");
	_cleanup_free_ char *text = malloc(PROFILE_SIZE_MAX);
	_cleanup_free_ Policy *p = NULL;
	ProfileReport report;

	if (!f)
		fail_msg("%s is missing: install golang-github-containers-common", path);
	assert_int_equal(read_profile(text, fread(text, 1, PROFILE_SIZE_MAX, f), &p, &report), 0);
	assert_int_equal(native(p, READ), ALLOW);
	assert_int_equal(native(p, UNAME), ALLOW);
	assert_int_equal(compat(p, UNAME_32), ALLOW);
	assert_int_equal(native(p, 175), ERRNO(1)); /* init_module, without CAP_SYS_MODULE */
	assert_int_equal(native(p, VK_CALL_BEYOND), ERRNO(38));
	assert_int_equal(verdict_of(p, VK_TABLE_NATIVE, PERSONALITY, 8), ALLOW);
	assert_int_equal(verdict_of(p, VK_TABLE_NATIVE, PERSONALITY, 9), ERRNO(38));
	assert_true(policy_size(p) <= 16384);
	profile_report_done(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_disabled),       cmocka_unit_test(test_actions),
		cmocka_unit_test(test_default_errno),  cmocka_unit_test(test_architectures),
		cmocka_unit_test(test_enosys),	       cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_dropped_notify), cmocka_unit_test(test_repeated_index),
		cmocka_unit_test(test_masked),	       cmocka_unit_test(test_compat_arguments),
		cmocka_unit_test(test_joined_words),   cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_accepted),       cmocka_unit_test(test_errors),
		cmocka_unit_test(test_refusals),       cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_endless),	       cmocka_unit_test(test_many_warnings),
		cmocka_unit_test(test_long_name),      cmocka_unit_test(test_containers_common),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
