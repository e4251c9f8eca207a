/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/child.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

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

int child_leave_network(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int r;

	if (!ctx)
		return -ENOMEM;
	r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket), 0);
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(io_uring_setup), 0);
	return load_and_release(ctx, r);
}

static int allow_with(scmp_filter_ctx ctx, int call, struct scmp_arg_cmp condition)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call, 1, condition);
}

/* Memory that is not executed; what fstat() is, with an empty path; fdopen(). */
static int allow_in_part(scmp_filter_ctx ctx)
{
	const struct scmp_arg_cmp data = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	int r;

	r = allow_with(ctx, SCMP_SYS(mmap), data);
	if (r == 0)
		r = allow_with(ctx, SCMP_SYS(mprotect), data);
	if (r == 0)
		r = allow_with(ctx, SCMP_SYS(newfstatat), SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH));
	if (r == 0)
		r = allow_with(ctx, SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_GETFL));
	return r < 0 ? r : allow_with(ctx, SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_SETFL));
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
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	if (!ctx)
		return -ENOMEM;
	r = allow_in_part(ctx);
	for (size_t i = 0; r == 0 && i < ELEMENTSOF(calls); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	return load_and_release(ctx, r);
}
