// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * sigprobe [--seccomp ACTION] MODE CALL [ARGUMENT...]
 *
 * Prints all that a program can see of a call that is refused with a signal. With --seccomp the
 * refusal is seccomp's, by a filter of libseccomp: what the same command prints without it, under
 * a virtual kernel, must be the same to the letter.
 *
 * ACTION: errno:N, trap, kill_thread, kill_process, log, trace:N
 * MODE: ret            the return value alone
 *       trap           with a handler for SIGSYS
 *       die            how a process with one thread ends
 *       die-blocked    the same with SIGSYS blocked
 *       die-ignored    the same with SIGSYS ignored
 *       die-handled    the same with a handler
 *       die-thread     a second thread makes the call: what becomes of the first
 *       die-leader     the first thread makes the call: what becomes of the second
 */
#include <errno.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "probe.h"

#define STILL_ALIVE 7
#define RETURNED 9

static struct {
	int count, signal, code, errnum, call, error;
	unsigned int arch;
	long address, ip, rax;
} seen;

static void on_sigsys(int signal, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;

	seen.count++;
	seen.signal = signal;
	seen.code = info->si_code;
	seen.errnum = info->si_errno;
	seen.call = info->si_syscall;
	seen.arch = info->si_arch;
	seen.address = (long)info->si_call_addr;
	seen.ip = uc->uc_mcontext.gregs[REG_RIP];
	seen.rax = uc->uc_mcontext.gregs[REG_RAX];
	seen.error = uc->uc_mcontext.gregs[REG_ERR];
}

static void catch_sigsys(void)
{
	struct sigaction action = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };

	sigaction(SIGSYS, &action, NULL);
}

static int run_trap(const struct call *call)
{
	long returned, end;

	catch_sigsys();
	returned = call_do(call);
	end = call->way == WAY_INT80 ? seen.ip : (long)raw_call_end;
	printf("signals %d signal %d code %d errno %d call %d arch 0x%x addr %+ld ip %+ld "
	       "rax %ld err %d returned %ld\n",
	       seen.count, seen.signal, seen.code, seen.errnum, seen.call, seen.arch,
	       seen.count ? seen.address - end : 0, seen.count ? seen.ip - end : 0, seen.rax,
	       seen.error, returned);
	return 0;
}

static void print_status(const char *what, int status)
{
	if (WIFSIGNALED(status))
		printf("%s: killed by %d%s\n", what, WTERMSIG(status),
		       WCOREDUMP(status) ? ", core dumped" : "");
	else if (WEXITSTATUS(status) == STILL_ALIVE)
		printf("%s: the other thread lives\n", what);
	else if (WEXITSTATUS(status) == RETURNED)
		printf("%s: the call returned\n", what);
	else
		printf("%s: exited with %d\n", what, WEXITSTATUS(status));
}

static void *call_in_thread(void *call)
{
	call_do(call);
	_exit(RETURNED);
}

static void die_thread(const struct call *call)
{
	struct timespec until;
	pthread_t thread;

	pthread_create(&thread, NULL, call_in_thread, (void *)call);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	_exit(pthread_timedjoin_np(thread, NULL, &until) == 0 ? STILL_ALIVE : 1);
}

static void *outlive(void *nothing)
{
	struct timespec second = { .tv_sec = 1 };

	nanosleep(&second, NULL);
	raw_call(231, STILL_ALIVE, 0, 0, 0, 0, 0);
	return NULL;
}

static void die_leader(const struct call *call)
{
	pthread_t thread;

	pthread_create(&thread, NULL, outlive, NULL);
	call_do(call);
	_exit(RETURNED);
}

static void die(const char *mode, const struct call *call)
{
	struct rlimit limit = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
	sigset_t set;

	setrlimit(RLIMIT_CORE, &limit);
	if (chdir("/tmp") < 0)
		_exit(1);
	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	if (strcmp(mode, "die-blocked") == 0)
		sigprocmask(SIG_BLOCK, &set, NULL);
	else if (strcmp(mode, "die-ignored") == 0)
		signal(SIGSYS, SIG_IGN);
	else if (strcmp(mode, "die-handled") == 0)
		catch_sigsys();
	else if (strcmp(mode, "die-thread") == 0)
		die_thread(call);
	else if (strcmp(mode, "die-leader") == 0)
		die_leader(call);
	call_do(call);
	_exit(RETURNED);
}

static int run_die(const char *mode, const struct call *call)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		die(mode, call);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return 2;
	print_status(mode, status);
	return 0;
}

static uint32_t parse_action(const char *word)
{
	if (strcmp(word, "trap") == 0)
		return SCMP_ACT_TRAP;
	if (strcmp(word, "kill_thread") == 0)
		return SCMP_ACT_KILL_THREAD;
	if (strcmp(word, "kill_process") == 0)
		return SCMP_ACT_KILL_PROCESS;
	if (strcmp(word, "log") == 0)
		return SCMP_ACT_LOG;
	if (strncmp(word, "trace:", 6) == 0)
		return SCMP_ACT_TRACE(atoi(word + 6));
	if (strncmp(word, "errno:", 6) == 0)
		return SCMP_ACT_ERRNO(atoi(word + 6));
	fprintf(stderr, "sigprobe: no action %s\n", word);
	exit(2);
}

/* For the i386 table as well: the same call has another number there. */
static void install(const char *action, const char *name)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int call = seccomp_syscall_resolve_name(name);

	if (!filter || seccomp_arch_add(filter, SCMP_ARCH_X86) < 0 ||
	    seccomp_rule_add(filter, parse_action(action), call, 0) < 0 ||
	    seccomp_load(filter) < 0) {
		fputs("sigprobe: the reference filter cannot be installed\n", stderr);
		exit(2);
	}
	seccomp_release(filter);
}

int main(int argc, char **argv)
{
	const char *action = NULL, *mode;
	enum way way = WAY_NATIVE;
	struct call call;

	argv++;
	if (*argv && strcmp(*argv, "--seccomp") == 0 && argv[1]) {
		action = argv[1];
		argv += 2;
	}
	if (*argv && strcmp(*argv, "--int80") == 0) {
		way = WAY_INT80;
		argv++;
	}
	mode = *argv;
	if (!mode || !call_parse(&call, way, argv + 1)) {
		fputs("usage: sigprobe [--seccomp ACTION] [--int80] MODE CALL [ARGUMENT...]\n",
		      stderr);
		return 2;
	}
	if (action)
		install(action, argv[1]);
	if (strcmp(mode, "trap") == 0)
		return run_trap(&call);
	if (strncmp(mode, "die", 3) == 0)
		return run_die(mode, &call);
	call_print(call_do(&call));
	return 0;
}
