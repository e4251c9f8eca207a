// SPDX-License-Identifier: LGPL-2.1-or-later
/* Operations between processes: signals, tracing, limits. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine.h"

static int op_kill(char **w)
{
	return outcome(kill(target(w[1]), atoi(w[0])));
}

static int op_tgkill(char **w)
{
	pid_t pid = target(w[1]);

	return outcome(syscall(SYS_tgkill, pid, pid, atoi(w[0])));
}

static int op_pidfd_signal(char **w)
{
	int fd = (int)step("pidfd", syscall(SYS_pidfd_open, target(w[1]), 0));

	return fd < 0 ? fd : outcome(syscall(SYS_pidfd_send_signal, fd, atoi(w[0]), NULL, 0));
}

/* From outside. */
static int op_signaled(char **w)
{
	signal(atoi(w[0]), SIG_IGN);
	return (int)outside("kill %s %d", w[0], getpid());
}

static int op_traced(char **w)
{
	return (int)outside("trace %d", getpid());
}

static int op_attach(char **w)
{
	pid_t pid = target(w[0]);
	int r = outcome(ptrace(PTRACE_ATTACH, pid, NULL, NULL));

	if (r == 0 && waitpid(pid, NULL, __WALL) == pid)
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
	return r;
}

static int op_seize(char **w)
{
	return outcome(ptrace(PTRACE_SEIZE, target(w[0]), NULL, NULL));
}

static int ask_to_be_traced(void *argument)
{
	return outcome(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int op_traceme(char **w)
{
	int r;

	make_child(ask_to_be_traced, NULL, &r);
	return r;
}

static char room[64];

static int op_vm_read(char **w)
{
	char byte;
	struct iovec here = { .iov_base = &byte, .iov_len = 1 };
	struct iovec there = { .iov_base = room, .iov_len = 1 };
	long r = process_vm_readv(target(w[0]), &here, 1, &there, 1, 0);

	/* Whoever is no copy of this program has nothing there. */
	return r < 0 && errno != EFAULT ? -errno : 0;
}

static int op_vm_write(char **w)
{
	char byte = 0;
	struct iovec here = { .iov_base = &byte, .iov_len = 1 };
	struct iovec there = { .iov_base = room, .iov_len = 1 };
	long r = process_vm_writev(target(w[0]), &here, 1, &there, 1, 0);

	return r < 0 && errno != EFAULT ? -errno : 0;
}

/* FLAGS FILE PEER: of the peer's folder in /proc; reads only show whether they may. */
static int op_proc(char **w)
{
	char path[64], byte;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", target(w[2]), w[1]);
	fd = (int)step("open", open(path, open_flags(w[0])));
	if (fd < 0)
		return fd;
	if (!strchr(w[0], 'r') || strcmp(w[1], "mem") == 0)
		return 0;
	return outcome(read(fd, &byte, 1));
}

static int op_proc_link(char **w)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "/proc/%d/%s", target(w[1]), w[0]);
	return outcome(readlink(path, text, sizeof(text)));
}

static int op_pidfd_getfd(char **w)
{
	int fd = (int)step("pidfd", syscall(SYS_pidfd_open, target(w[0]), 0));

	return fd < 0 ? fd : outcome(syscall(SYS_pidfd_getfd, fd, 0, 0));
}

static int op_kcmp(char **w)
{
	return outcome(syscall(SYS_kcmp, getpid(), target(w[0]), 1 /* memory */, 0, 0));
}

static int op_get_priority(char **w)
{
	errno = 0;
	return getpriority(PRIO_PROCESS, (id_t)target(w[0])) == -1 && errno ? -errno : 0;
}

static int op_get_affinity(char **w)
{
	cpu_set_t set;

	return outcome(sched_getaffinity(target(w[0]), sizeof(set), &set));
}

static bool limit_of(char **w, int *resource, struct rlimit *limit)
{
	static const char *const names[RLIM_NLIMITS] = {
		[RLIMIT_CPU] = "cpu", [RLIMIT_FSIZE] = "fsize", [RLIMIT_DATA] = "data",
		[RLIMIT_STACK] = "stack", [RLIMIT_CORE] = "core", [RLIMIT_RSS] = "rss",
		[RLIMIT_NPROC] = "nproc", [RLIMIT_NOFILE] = "nofile",
		[RLIMIT_MEMLOCK] = "memlock", [RLIMIT_AS] = "as", [RLIMIT_LOCKS] = "locks",
		[RLIMIT_SIGPENDING] = "sigpending", [RLIMIT_MSGQUEUE] = "msgqueue",
		[RLIMIT_NICE] = "nice", [RLIMIT_RTPRIO] = "rtprio", [RLIMIT_RTTIME] = "rttime",
	};
	int i;

	for (i = 0; i < RLIM_NLIMITS; i++)
		if (strcmp(names[i], w[0]) == 0) {
			*resource = i;
			if (limit) {
				limit->rlim_cur = strtoull(w[1], NULL, 0);
				limit->rlim_max = strtoull(w[2], NULL, 0);
			}
			return true;
		}
	return false;
}

static int op_limit(char **w)
{
	struct rlimit limit;
	int resource;

	return limit_of(w, &resource, &limit) ? outcome(setrlimit(resource, &limit)) : -EINVAL;
}

static int op_limit_of(char **w)
{
	struct rlimit limit;
	int resource;

	if (!limit_of(w + 1, &resource, &limit))
		return -EINVAL;
	return outcome(prlimit(target(w[0]), resource, &limit, NULL));
}

static int op_limit_get(char **w)
{
	struct rlimit limit;
	int resource;

	if (!limit_of(w, &resource, NULL) || getrlimit(resource, &limit) < 0)
		return -EINVAL;
	remark((long long)limit.rlim_max);
	return 0;
}

const struct operation peer_operations[] = {
	{ "kill", 2, op_kill },
	{ "tgkill", 2, op_tgkill },
	{ "pidfd-signal", 2, op_pidfd_signal },
	{ "signaled", 1, op_signaled },
	{ "traced", 0, op_traced },
	{ "attach", 1, op_attach },
	{ "seize", 1, op_seize },
	{ "traceme", 0, op_traceme },
	{ "vm-read", 1, op_vm_read },
	{ "vm-write", 1, op_vm_write },
	{ "proc", 3, op_proc },
	{ "proc-link", 2, op_proc_link },
	{ "pidfd-getfd", 1, op_pidfd_getfd },
	{ "kcmp", 1, op_kcmp },
	{ "get-priority", 1, op_get_priority },
	{ "get-affinity", 1, op_get_affinity },
	{ "limit", 3, op_limit },
	{ "limit-of", 4, op_limit_of },
	{ "limit-get", 1, op_limit_get },
	{},
};
