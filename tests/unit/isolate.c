/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What others wrote is read by a child that can be lost, and that has nothing. */
#include <fcntl.h>
#include <linux/futex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "proto/util.h"
#include "vkerneld/profile/isolate.h"

#define READER_UID 61991

static Isolation reader(void)
{
	const uid_t uid = geteuid() == 0 ? READER_UID : 0;

	return (Isolation){ .uid = uid, .gid = uid, .seconds = 1 };
}

static int run(Isolated *f, const char *arg, char **ret, ProfileReport *report)
{
	const Isolation as = reader();
	size_t size;

	*ret = NULL;
	*report = (ProfileReport){};
	return isolate(&as, f, arg, ret, &size, report);
}

static void assert_fails(Isolated *f, int expected, const char *why)
{
	ProfileReport report;
	char *text;

	assert_int_equal(run(f, NULL, &text, &report), expected);
	assert_null(text);
	if (why)
		assert_non_null(strstr(report.error, why));
	profile_report_done(&report);
}

static int greet(const void *arg, int fd, ProfileReport *report)
{
	profile_warn(report, "one\033");
	profile_warn(report, "two");
	return write_out(fd, arg, strlen(arg));
}

static void test_result_and_warnings_come_back(void **state)
{
	ProfileReport report;
	char *text;

	assert_int_equal(run(greet, "hello", &text, &report), 0);
	assert_string_equal(text, "hello");
	assert_null(report.error);
	assert_int_equal(report.n_warnings, 2);
	assert_string_equal(report.warnings[0], "one?");
	assert_string_equal(report.warnings[1], "two");
	profile_report_done(&report);
	free(text);
}

static int warn_often(const void *arg, int fd, ProfileReport *report)
{
	for (int i = 0; i < 100; i++)
		profile_warn(report, "warning %d", i);
	return 0;
}

static void test_many_warnings_are_counted_once(void **state)
{
	ProfileReport report;
	char *text;

	assert_int_equal(run(warn_often, NULL, &text, &report), 0);
	assert_int_equal(report.n_warnings, PROFILE_WARNINGS_MAX + 1);
	assert_string_equal(report.warnings[PROFILE_WARNINGS_MAX], "36 more warnings like these");
	profile_report_done(&report);
	free(text);
}

static int refuse(const void *arg, int fd, ProfileReport *report)
{
	return profile_fail(report, -EOPNOTSUPP, "not this");
}

static int crash(const void *arg, int fd, ProfileReport *report)
{
	__builtin_trap();
}

static int leave(const void *arg, int fd, ProfileReport *report)
{
	_exit(0);
}

static int loop(const void *arg, int fd, ProfileReport *report)
{
	for (;;)
		__asm__ volatile("");
	return 0;
}

/* Neither what it may write at once nor what it may hold is the caller's to pay for. */
static int write_much(const void *arg, int fd, ProfileReport *report)
{
	return pwrite(fd, "", 1, 1 << 30) == 1 ? 0 : -errno;
}

static int never_answer(const void *arg, int fd, ProfileReport *report)
{
	static int word;

	syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
	return 0;
}

static void test_it_may_fail_crash_or_never_end(void **state)
{
	assert_fails(refuse, -EOPNOTSUPP, "not this");
	assert_fails(crash, -EINVAL, "its reader crashes on this");
	assert_fails(leave, -EBADMSG, NULL);
	assert_fails(loop, -E2BIG, "does not come to an end in 1 seconds");
	assert_fails(never_answer, -E2BIG, "does not come to an end in 1 seconds");
	assert_fails(write_much, -E2BIG, "too large");
}

/* Writes "call: errno" for each of the calls that it should not have. */
static int reach_out(const void *arg, int fd, ProfileReport *report)
{
	struct stat st;

	dprintf(fd, "open %d\n", open("/dev/null", O_RDONLY) < 0 ? errno : 0);
	dprintf(fd, "socket %d\n", socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? errno : 0);
	dprintf(fd, "fork %d\n", fork() < 0 ? errno : 0);
	dprintf(fd, "kill %d\n", kill(getppid(), 0) < 0 ? errno : 0);
	dprintf(fd, "stat %d\n", stat("/etc/passwd", &st) < 0 ? errno : 0);
	dprintf(fd, "names %d\n",
		fstatat(AT_FDCWD, "/etc/passwd", &st, AT_EMPTY_PATH) < 0 ? errno : 0);
	dprintf(fd, "other %d\n", fcntl(fd + 2, F_GETFD) < 0 ? errno : 0);
	return 0;
}

static void test_it_reaches_nothing(void **state)
{
	_cleanup_close_ int other = open("/dev/null", O_RDONLY), more = dup(other);
	ProfileReport report;
	char *text;

	assert_true(more >= 0);
	assert_int_equal(run(reach_out, NULL, &text, &report), 0);
	assert_string_equal(text, "open 1\nsocket 1\nfork 1\nkill 1\nstat 1\nnames 1\nother 1\n");
	profile_report_done(&report);
	free(text);
}

static int nest(const void *arg, int fd, ProfileReport *report)
{
	const Isolation as = { .seconds = 1 };
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = isolate(&as, greet, arg, &text, &size, report);

	return r < 0 ? r : write_out(fd, text, size);
}

static void test_one_within_another(void **state)
{
	ProfileReport report;
	char *text;

	assert_int_equal(run(nest, "within", &text, &report), 0);
	assert_string_equal(text, "within");
	assert_int_equal(report.n_warnings, 2);
	profile_report_done(&report);
	free(text);
}

static void test_profile_is_the_same(void **state)
{
	static const char json[] = "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":"
				   "[\"uname\",\"nosuchcall\"],\"action\":\"SCMP_ACT_ERRNO\"}]}";
	const ProfileTarget target = { .kernel_major = 6, .kernel_minor = 12 };
	const Isolation as = reader();
	ProfileReport here = {}, there = {};
	Policy *p = NULL, *q = NULL;

	assert_int_equal(profile_read_seccomp(json, strlen(json), &target, &p, &here), 0);
	assert_int_equal(
		profile_read_isolated(json, strlen(json), &target, as.uid, as.gid, &q, &there), 0);
	assert_int_equal(policy_size(p), policy_size(q));
	assert_memory_equal(p, q, policy_size(p));
	assert_int_equal(here.n_warnings, 1);
	assert_int_equal(there.n_warnings, 1);
	assert_string_equal(here.warnings[0], there.warnings[0]);
	profile_report_done(&here);
	profile_report_done(&there);
	free(p);
	free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_result_and_warnings_come_back),
		cmocka_unit_test(test_many_warnings_are_counted_once),
		cmocka_unit_test(test_it_may_fail_crash_or_never_end),
		cmocka_unit_test(test_it_reaches_nothing),
		cmocka_unit_test(test_one_within_another),
		cmocka_unit_test(test_profile_is_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
