// SPDX-License-Identifier: LGPL-2.1-or-later
/* Operations that need a capability, and sockets. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/perf_event.h>
#include <linux/reboot.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "confine.h"

static int op_socket(char **w)
{
	return outcome(socket(atoi(w[0]), atoi(w[1]), atoi(w[2])));
}

static int op_socketpair(char **w)
{
	int fds[2];

	return outcome(socketpair(AF_UNIX, atoi(w[0]), 0, fds));
}

static int op_bind_port(char **w)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)atoi(w[0])) };
	int fd = (int)step("socket", socket(AF_INET, SOCK_STREAM, 0));

	return fd < 0 ? fd : outcome(bind(fd, (void *)&address, sizeof(address)));
}

static int set_option(int level, int name, int value)
{
	int fd = (int)step("socket", socket(AF_INET, SOCK_DGRAM, 0));

	return fd < 0 ? fd : outcome(setsockopt(fd, level, name, &value, sizeof(value)));
}

static int op_mark(char **w)
{
	return set_option(SOL_SOCKET, SO_MARK, 1);
}

static int op_debug(char **w)
{
	return set_option(SOL_SOCKET, SO_DEBUG, 1);
}

/* Sets the loopback's flags to what they are. */
static int op_interface(char **w)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = (int)step("socket", socket(AF_INET, SOCK_DGRAM, 0));

	if (fd < 0)
		return fd;
	if (step("get", ioctl(fd, SIOCGIFFLAGS, &request)) < 0)
		return -errno;
	return outcome(ioctl(fd, SIOCSIFFLAGS, &request));
}

static int op_sethostname(char **w)
{
	return outcome(sethostname("confined", 8));
}

/* It is looked at only after the capability. */
static int op_settimeofday(char **w)
{
	static const struct timezone invalid = { .tz_minuteswest = 100000 };

	return outcome(syscall(SYS_settimeofday, NULL, &invalid));
}

static int op_reboot(char **w)
{
	return outcome(syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, 1, NULL));
}

static int op_swapoff(char **w)
{
	return outcome(swapoff("/no-such-file"));
}

static int op_acct(char **w)
{
	return outcome(acct("/no-such-file"));
}

static int op_init_module(char **w)
{
	return outcome(syscall(SYS_init_module, "", 0, ""));
}

static int op_delete_module(char **w)
{
	return outcome(syscall(SYS_delete_module, "no_such_module", 0));
}

static int op_syslog(char **w)
{
	return outcome(klogctl(10 /* the buffer's size */, NULL, 0));
}

static int op_ioperm(char **w)
{
	return outcome(ioperm(0x80, 1, 1));
}

static int op_perf(char **w)
{
	struct perf_event_attr attr = { .size = sizeof(attr), .type = PERF_TYPE_SOFTWARE };

	return outcome(syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0));
}

static int op_bpf(char **w)
{
	/* A map, of type array. */
	unsigned int attr[12] = { 2, 4, 4, 1 };

	return outcome(syscall(SYS_bpf, 0, attr, sizeof(attr)));
}

static int unshare_flag(const char *name)
{
	static const struct {
		const char *name;
		int flag;
	} table[] = {
		{ "uts", CLONE_NEWUTS }, { "mount", CLONE_NEWNS }, { "net", CLONE_NEWNET },
		{ "ipc", CLONE_NEWIPC }, { "user", CLONE_NEWUSER }, { "pid", CLONE_NEWPID },
		{ "cgroup", CLONE_NEWCGROUP },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].name, name) == 0)
			return table[i].flag;
	return 0;
}

static int op_unshare(char **w)
{
	return outcome(unshare(unshare_flag(w[0])));
}

static int op_setuid(char **w)
{
	return outcome(setuid((uid_t)atoi(w[0])));
}

static int op_setgid(char **w)
{
	return outcome(setgid((gid_t)atoi(w[0])));
}

static int op_setgroups(char **w)
{
	return outcome(setgroups(0, NULL));
}

static int op_drop_bound(char **w)
{
	return outcome(prctl(PR_CAPBSET_DROP, 0, 0, 0, 0));
}

static int op_nice(char **w)
{
	return outcome(setpriority(PRIO_PROCESS, 0, atoi(w[0])));
}

static int op_realtime(char **w)
{
	struct sched_param param = { .sched_priority = 1 };

	return outcome(sched_setscheduler(0, SCHED_FIFO, &param));
}

static int op_mlock(char **w)
{
	static char memory[4096];
	struct rlimit none = {};

	if (step("limit", setrlimit(RLIMIT_MEMLOCK, &none)) < 0)
		return -errno;
	return outcome(mlock(memory, sizeof(memory)));
}

static int op_wake(char **w)
{
	return outcome(timerfd_create(CLOCK_BOOTTIME_ALARM, 0));
}

static int op_quota(char **w)
{
	return outcome(syscall(SYS_quotactl, 0x80000200, "/no-such-file", 0, NULL));
}

static int op_chroot(char **w)
{
	return outcome(chroot(w[0]));
}

static int op_raise_limit(char **w)
{
	struct rlimit limit;

	if (step("get", getrlimit(RLIMIT_MSGQUEUE, &limit)) < 0)
		return -errno;
	limit.rlim_max++;
	return outcome(setrlimit(RLIMIT_MSGQUEUE, &limit));
}

/* UID OPERATION...: as another user. */
static int op_as(char **w)
{
	const struct operation *operation;
	uid_t uid = (uid_t)atoi(w[0]);

	if (find_operation(w + 1, &operation) < 0)
		return -ENOSYS;
	if (step("setuid", setresuid(uid, uid, uid)) < 0)
		return -errno;
	return operation->run(w + 2);
}

/* OPERATION...: in a user namespace of its own. */
static int op_in_userns(char **w)
{
	const struct operation *operation;

	if (find_operation(w, &operation) < 0)
		return -ENOSYS;
	if (step("userns", unshare(CLONE_NEWUSER)) < 0)
		return -errno;
	return operation->run(w + 1);
}

const struct operation right_operations[] = {
	{ "socket", 3, op_socket },
	{ "socketpair", 1, op_socketpair },
	{ "bind-port", 1, op_bind_port },
	{ "mark", 0, op_mark },
	{ "debug", 0, op_debug },
	{ "interface", 0, op_interface },
	{ "sethostname", 0, op_sethostname },
	{ "settimeofday", 0, op_settimeofday },
	{ "reboot", 0, op_reboot },
	{ "swapoff", 0, op_swapoff },
	{ "acct", 0, op_acct },
	{ "init-module", 0, op_init_module },
	{ "delete-module", 0, op_delete_module },
	{ "syslog", 0, op_syslog },
	{ "ioperm", 0, op_ioperm },
	{ "perf", 0, op_perf },
	{ "bpf", 0, op_bpf },
	{ "unshare", 1, op_unshare },
	{ "setuid", 1, op_setuid },
	{ "setgid", 1, op_setgid },
	{ "setgroups", 0, op_setgroups },
	{ "drop-bound", 0, op_drop_bound },
	{ "nice", 1, op_nice },
	{ "realtime", 0, op_realtime },
	{ "mlock", 0, op_mlock },
	{ "wake", 0, op_wake },
	{ "quota", 0, op_quota },
	{ "chroot", 1, op_chroot },
	{ "raise-limit", 0, op_raise_limit },
	{ "as", -2, op_as },
	{ "in-userns", -1, op_in_userns },
	{},
};
