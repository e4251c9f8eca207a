// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * traceprobe FROM CALL [ARGUMENT...]
 *
 * A tracee calls FROM with CALL's arguments; its tracer turns the number into CALL's at the entry
 * stop. Prints what the tracee got. It must be what it gets of CALL itself.
 */
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

static void tracee(const struct call *call, long from)
{
	const long *a = call->args;

	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	call_print(raw_call(from, a[0], a[1], a[2], a[3], a[4], a[5]));
	_exit(0);
}

/* Runs the tracee to its next stop at a system call; false when it is gone. */
static bool next_stop(pid_t pid, int *status)
{
	ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
	return waitpid(pid, status, 0) == pid && WIFSTOPPED(*status);
}

static int trace(pid_t pid, const struct call *call, long from)
{
	const size_t offset = offsetof(struct user, regs.orig_rax);
	bool entry = true, rewritten = false;
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return 2;
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD);
	while (next_stop(pid, &status)) {
		if (WSTOPSIG(status) != (SIGTRAP | 0x80))
			continue;
		if (entry && !rewritten && ptrace(PTRACE_PEEKUSER, pid, offset, NULL) == from) {
			ptrace(PTRACE_POKEUSER, pid, offset, call->nr);
			rewritten = true;
		}
		entry = !entry;
	}
	if (WIFSIGNALED(status))
		printf("killed by %d\n", WTERMSIG(status));
	return rewritten ? 0 : 2;
}

int main(int argc, char **argv)
{
	struct call call;
	long from;
	pid_t pid;

	if (argc < 3 || !call_parse(&call, WAY_NATIVE, argv + 2)) {
		fputs("usage: traceprobe FROM CALL [ARGUMENT...]\n", stderr);
		return 2;
	}
	from = seccomp_syscall_resolve_name(argv[1]);
	pid = fork();
	if (pid == 0)
		tracee(&call, from);
	return pid < 0 ? 2 : trace(pid, &call, from);
}
