/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Builds: time-outs, output, identity, and no process left. */
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/scratch.h"
#include "vkerneld/build/sandbox.h"

/* Nobody's: all its processes are killed. */
#define BUILD_UID 61987

typedef struct Outcome {
	sd_event *event;
	int status;
	bool timed_out;
	char *output;
} Outcome;

static void on_done(const SandboxResult *result, void *userdata)
{
	Outcome *o = userdata;

	o->status = result->status;
	o->timed_out = result->timed_out;
	o->output = strdup(result->output);
	sd_event_exit(o->event, 0);
}

static uid_t build_uid(void)
{
	return geteuid() == 0 ? BUILD_UID : 0;
}

static Sandbox *begin(Outcome *o, const char *script, unsigned int timeout)
{
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };
	const SandboxSpec spec = {
		.dir = scratch,
		.argv = argv,
		.uid = build_uid(),
		.gid = build_uid(),
		.timeout = timeout,
	};
	Sandbox *s;

	*o = (Outcome){};
	assert_int_equal(sd_event_new(&o->event), 0);
	assert_int_equal(sandbox_start(o->event, &spec, on_done, o, &s), 0);
	return s;
}

static void run(Outcome *o, const char *script, unsigned int timeout)
{
	begin(o, script, timeout);
	assert_int_equal(sd_event_loop(o->event), 0);
}

static void outcome_done(Outcome *o)
{
	sd_event_unref(o->event);
	free(o->output);
}

static void status_and_output(void **state)
{
	Outcome o;

	run(&o, "echo out; echo err >&2; exit 3", 20);
	assert_int_equal(o.status, 3);
	assert_false(o.timed_out);
	assert_string_equal(o.output, "out\nerr\n");
	outcome_done(&o);
	run(&o, "kill -TERM $$", 20);
	assert_int_equal(o.status, -SIGTERM);
	outcome_done(&o);
}

static void output_is_bounded_and_printable(void **state)
{
	Outcome o;

	run(&o,
	    "i=0; while [ $i -lt 3000 ]; do echo "
	    "0123456789012345678901234567890123456789012345678901234567890123456789; "
	    "i=$((i+1)); done; printf 'a\\033\\377\\000b\\tend\\n'",
	    60);
	assert_int_equal(o.status, 0);
	assert_int_equal(strlen(o.output), SANDBOX_OUTPUT_MAX);
	assert_string_equal(o.output + strlen(o.output) - 10, "a???b\tend\n");
	outcome_done(&o);
}

static pid_t read_pid(const char *name)
{
	FILE *f = fopen(scratch_path(name), "re");
	int pid = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &pid), 1);
	fclose(f);
	return pid;
}

/* Killed processes are gone, or wait for somebody to take note. */
static bool runs(pid_t pid)
{
	char path[64], line[256] = "";
	FILE *f;
	const char *after;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	after = strrchr(line, ')');
	return after && after[2] != 'Z' && after[2] != 'X';
}

static void assert_dies(pid_t pid)
{
	for (int i = 0; i < 200 && runs(pid); i++)
		usleep(10000);
	assert_false(runs(pid));
}

/* Somebody in a session of its own is found by its user, which takes root to set. */
#define FORKS "sleep 600 & echo $! >child; setsid sleep 601 & echo $! >escaped; "

static void a_timeout_kills_all(void **state)
{
	Outcome o;

	assert_int_equal(chmod(scratch, 0777), 0);
	run(&o, FORKS "sleep 602", 1);
	assert_true(o.timed_out);
	assert_int_equal(o.status, -SIGKILL);
	assert_dies(read_pid("child"));
	if (geteuid() == 0)
		assert_dies(read_pid("escaped"));
	else
		kill(read_pid("escaped"), SIGKILL);
	outcome_done(&o);
}

static void the_end_kills_what_is_left(void **state)
{
	Outcome o;

	assert_int_equal(chmod(scratch, 0777), 0);
	run(&o, "sleep 600 & echo $! >child; exit 0", 20);
	assert_int_equal(o.status, 0);
	assert_dies(read_pid("child"));
	outcome_done(&o);
}

/* One of a user leaves the others of that alone, and the last one what any of them left. */
static void those_of_one_user_do_not_meet(void **state)
{
	Outcome first, last;
	Sandbox *s;

	assert_int_equal(chmod(scratch, 0777), 0);
	s = begin(&last, "echo $$ >child; exec sleep 600", 20);
	run(&first, "setsid sleep 601 & echo $! >escaped; until [ -s child ]; do :; done", 20);
	assert_int_equal(first.status, 0);
	assert_true(runs(read_pid("child")));
	sandbox_free(s);
	assert_dies(read_pid("child"));
	if (geteuid() == 0)
		assert_dies(read_pid("escaped"));
	else
		kill(read_pid("escaped"), SIGKILL);
	outcome_done(&first);
	outcome_done(&last);
}

static void freeing_kills(void **state)
{
	Outcome o;
	Sandbox *s;

	assert_int_equal(chmod(scratch, 0777), 0);
	s = begin(&o, "echo $$ >child; exec sleep 600", 20);
	for (int i = 0; i < 200 && access(scratch_path("child"), F_OK) < 0; i++)
		usleep(10000);
	usleep(50000);
	sandbox_free(s);
	assert_dies(read_pid("child"));
	assert_null(o.output);
	outcome_done(&o);
}

static void it_is_somebody_else_with_nothing(void **state)
{
	Outcome o;

	run(&o,
	    "id -u; id -G; grep -E '^(CapEff|CapPrm|NoNewPrivs)' /proc/self/status; "
	    "ls /proc/self/fd | wc -l; env | cut -d= -f1 | sort | tr '\\n' ' '",
	    20);
	assert_int_equal(o.status, 0);
	if (geteuid() == 0)
		assert_int_equal(strncmp(o.output, "61987\n61987\n", 12), 0);
	assert_non_null(strstr(o.output, "NoNewPrivs:\t1"));
	if (geteuid() == 0)
		assert_non_null(strstr(o.output, "CapEff:\t0000000000000000"));
	assert_null(strstr(o.output, "VKERNEL_TEST_SECRET"));
	outcome_done(&o);
}

/* Where everybody may write. */
static void it_changes_nothing_outside(void **state)
{
	char path[] = "/tmp/vkernel-outside-XXXXXX", script[512];
	Outcome o;

	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 0) {
		print_message("this kernel has no Landlock\n");
		skip();
	}
	assert_int_equal(chmod(scratch, 0777), 0);
	assert_non_null(mkdtemp(path));
	assert_int_equal(chmod(path, 0777), 0);
	snprintf(
		script, sizeof(script),
		"cd %s; mkdir d && echo made; (: >f) && echo made; cd \"$HOME\"; mkdir d && : >d/f && "
		"mv d/f f && rm f && : >/dev/null && ls %s && echo inside",
		path, path);
	run(&o, script, 20);
	assert_null(strstr(o.output, "made"));
	assert_non_null(strstr(o.output, "Permission denied"));
	assert_non_null(strstr(o.output, "inside\n"));
	assert_int_equal(rmdir(path), 0);
	outcome_done(&o);
}

static void it_has_no_network(void **state)
{
	Outcome o;

	run(&o, "perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0) or print \"$!\\n\"'", 20);
	assert_non_null(strstr(o.output, "Permission denied\n"));
	outcome_done(&o);
}

static void limits_hold(void **state)
{
	Outcome o;

	run(&o, "ulimit -c; ulimit -n; ulimit -v", 20);
	assert_string_equal(o.output, "0\n1024\n4194304\n");
	outcome_done(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(status_and_output),
		scratch_test(output_is_bounded_and_printable),
		scratch_test(a_timeout_kills_all),
		scratch_test(the_end_kills_what_is_left),
		scratch_test(those_of_one_user_do_not_meet),
		scratch_test(freeing_kills),
		scratch_test(it_is_somebody_else_with_nothing),
		scratch_test(it_changes_nothing_outside),
		scratch_test(it_has_no_network),
		scratch_test(limits_hold),
	};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	setenv("VKERNEL_TEST_SECRET", "1", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
