/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/child.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "proto/util.h"

void child_reset_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	for (int s = 1; s < NSIG; s++)
		(void)signal(s, SIG_DFL);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

int child_limit(int resource, rlim_t value)
{
	const struct rlimit limit = { value, value };

	return setrlimit(resource, &limit) < 0 ? -errno : 0;
}

int child_limit_time(unsigned int seconds)
{
	const struct rlimit limit = { seconds, seconds + 1 };

	return setrlimit(RLIMIT_CPU, &limit) < 0 ? -errno : 0;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};

	return syscall(SYS_capset, &head, none) < 0 ? -errno : 0;
}

int child_become(uid_t uid, gid_t gid)
{
	int r;

	if (uid && (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
		    setresuid(uid, uid, uid) < 0))
		return -errno;
	r = drop_capabilities();
	if (r < 0)
		return r;
	/* The identity change above has cleared the last. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	return child_limit(RLIMIT_CORE, 0);
}

/* Not by seccomp_load(), which a process can not use any more that has called seccomp_api_set(). */
static int load(scmp_filter_ctx ctx)
{
	_cleanup_close_ int fd = memfd_create("filter", MFD_CLOEXEC);
	struct sock_filter code[BPF_MAXINSNS];
	struct sock_fprog program = { .filter = code };
	ssize_t size;
	int r;

	if (fd < 0)
		return -errno;
	r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return r;
	size = pread(fd, code, sizeof(code), 0);
	if (size <= 0)
		return size < 0 ? -errno : -EIO;
	program.len = (unsigned short)((size_t)size / sizeof(*code));
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? -errno : 0;
}

static int load_and_release(scmp_filter_ctx ctx, int r)
{
	if (r == 0)
		r = load(ctx);
	seccomp_release(ctx);
	return r;
}

static int refuse(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), calls[i], 0);
	return r;
}

static int refuse_network(scmp_filter_ctx ctx)
{
	static const int calls[] = { SCMP_SYS(socket), SCMP_SYS(io_uring_setup) };

	return refuse(ctx, calls, ELEMENTSOF(calls));
}

int child_leave_network(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	return ctx ? load_and_release(ctx, refuse_network(ctx)) : -ENOMEM;
}

static int refuse_unless(scmp_filter_ctx ctx, int call, struct scmp_arg_cmp condition)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), call, 1, condition);
}

/* abort() of whatever it forks ends by tgkill(), or else by an instruction that the kernel logs. */
static int refuse_others(scmp_filter_ctx ctx)
{
	static const int calls[] = {
		SCMP_SYS(setsid),	   SCMP_SYS(setpgid),		SCMP_SYS(tkill),
		SCMP_SYS(rt_sigqueueinfo), SCMP_SYS(rt_tgsigqueueinfo), SCMP_SYS(pidfd_open),
		SCMP_SYS(ptrace),	   SCMP_SYS(process_vm_readv),	SCMP_SYS(process_vm_writev),
	};
	const scmp_datum_t self = (scmp_datum_t)getpid();
	int r = refuse(ctx, calls, ELEMENTSOF(calls));

	if (r == 0)
		r = refuse_unless(ctx, SCMP_SYS(kill), SCMP_A0(SCMP_CMP_NE, self));
	if (r == 0)
		r = refuse_unless(ctx, SCMP_SYS(tgkill), SCMP_A2(SCMP_CMP_NE, SIGABRT));
	return r < 0 ? r : refuse_unless(ctx, SCMP_SYS(prlimit64), SCMP_A0(SCMP_CMP_NE, 0));
}

int child_leave_others(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int r;

	if (!ctx)
		return -ENOMEM;
	r = refuse_network(ctx);
	return load_and_release(ctx, r == 0 ? refuse_others(ctx) : r);
}

static int allow_with(scmp_filter_ctx ctx, int call, struct scmp_arg_cmp condition)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call, 1, condition);
}

/* Memory that is not executed; fdopen(). */
static int allow_in_part(scmp_filter_ctx ctx)
{
	const struct scmp_arg_cmp data = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	int r;

	r = allow_with(ctx, SCMP_SYS(mmap), data);
	if (r == 0)
		r = allow_with(ctx, SCMP_SYS(mprotect), data);
	if (r == 0)
		r = allow_with(ctx, SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_GETFL));
	return r < 0 ? r : allow_with(ctx, SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_SETFL));
}

/* They may be others' as well, as the journal's stream is. */
static int leave_streams(void)
{
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(null, STDERR_FILENO) < 0)
		return -errno;
	return 0;
}

int child_only_compute(void)
{
	static const int calls[] = {
		SCMP_SYS(brk),		 SCMP_SYS(munmap),	   SCMP_SYS(mremap),
		SCMP_SYS(madvise),	 SCMP_SYS(futex),	   SCMP_SYS(getrandom),
		SCMP_SYS(clock_gettime), SCMP_SYS(getpid),	   SCMP_SYS(gettid),
		SCMP_SYS(sched_yield),	 SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
		SCMP_SYS(sigaltstack),	 SCMP_SYS(memfd_create),   SCMP_SYS(close),
		SCMP_SYS(read),		 SCMP_SYS(pread64),	   SCMP_SYS(write),
		SCMP_SYS(pwrite64),	 SCMP_SYS(lseek),	   SCMP_SYS(fstat),
		SCMP_SYS(dup),		 SCMP_SYS(exit),	   SCMP_SYS(exit_group),
	};
	scmp_filter_ctx ctx;
	int r = leave_streams();

	if (r < 0)
		return r;
	ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!ctx)
		return -ENOMEM;
	r = allow_in_part(ctx);
	for (size_t i = 0; r == 0 && i < ELEMENTSOF(calls); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	return load_and_release(ctx, r);
}

int child_wait(pid_t pid, unsigned int seconds, int *ret_status)
{
	_cleanup_close_ int fd = pidfd_open(pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n = -1;

	if (fd >= 0)
		do
			n = poll(&p, 1, (int)seconds * 1000);
		while (n < 0 && errno == EINTR);
	/* Its number is its own, and its group's, for as long as nobody has waited for it. */
	(void)kill(-pid, SIGKILL);
	if (n <= 0)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, ret_status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return n > 0 ? 0 : -ETIME;
}
