/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/apparmor/compile.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "proto/util.h"
#include "vkerneld/apparmor/complaint.h"
#include "vkerneld/apparmor/features.h"
#include "vkerneld/apparmor/unpack.h"
#include "vkerneld/child.h"
#include "vkerneld/profile/isolate.h"

#define FEATURES "/proc/self/fd/3"

#define MEMORY_MAX (1ul << 30)
#define FILES_MAX 64
/* Of the user: each parser has two, and many containers may start at once. */
#define PROCESSES_MAX 512

/* In the order of the child's descriptors. */
enum { PROFILE, PACKED, COMPLAINT, ABI, NR_FILES };

typedef struct Files {
	int fd[NR_FILES];
} Files;

static void files_done(Files *f)
{
	for (size_t i = 0; i < NR_FILES; i++)
		closep(&f->fd[i]);
}

static int files_open(Files *f)
{
	for (size_t i = 0; i < NR_FILES; i++) {
		f->fd[i] = memfd_create("apparmor", MFD_CLOEXEC);
		if (f->fd[i] < 0)
			return -errno;
	}
	return 0;
}

static int write_file(int fd, const char *text, size_t size)
{
	ssize_t n = pwrite(fd, text, size, 0);

	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}

static int take_places(const Files *f)
{
	int above[NR_FILES];

	for (int i = 0; i < NR_FILES; i++) {
		above[i] = fcntl(f->fd[i], F_DUPFD, NR_FILES);
		if (above[i] < 0)
			return -errno;
	}
	for (int i = 0; i < NR_FILES; i++)
		if (dup2(above[i], i) < 0)
			return -errno;
	return close_range(NR_FILES, ~0u, 0) < 0 ? -errno : 0;
}

static int set_limits(unsigned int timeout)
{
	int r = child_limit_time(timeout);

	if (r >= 0)
		r = child_limit(RLIMIT_AS, MEMORY_MAX);
	if (r >= 0)
		r = child_limit(RLIMIT_FSIZE, ARMOR_PACKED_MAX);
	if (r >= 0)
		r = child_limit(RLIMIT_NPROC, PROCESSES_MAX);
	return r < 0 ? r : child_limit(RLIMIT_NOFILE, FILES_MAX);
}

static int confine(const ArmorCompiler *c, const Files *f)
{
	sigset_t none;
	int r;

	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0 || setsid() < 0 || chdir("/") < 0)
		return -errno;
	r = take_places(f);
	if (r >= 0)
		r = child_become(c->uid, c->gid);
	if (r >= 0)
		r = child_keep_files(NULL);
	if (r >= 0)
		r = child_leave_others();
	return r < 0 ? r : set_limits(c->timeout);
}

/*
 * The host's configuration, caches and kernel have no say. Simplifying expressions saves the parser
 * memory and changes no byte of what it makes, but that of AppArmor 3.0 never ends it for some: it
 * is for those that take too much memory without.
 */
static void run(const ArmorCompiler *c, bool simplify, const Files *f)
{
	const char *const argv[] = {
		"apparmor_parser",
		"--config-file=/dev/null",
		"--skip-kernel-load",
		"--skip-cache",
		"--jobs=1",
		simplify ? "--Optimize=expr-simplify" : "--Optimize=no-expr-simplify",
		"--warn=rule-not-enforced",
		"--warn=rule-downgraded",
		"--base",
		c->includes,
		"--features-file",
		FEATURES,
		"--policy-features",
		FEATURES,
		"--stdout",
		COMPLAINT_STDIN,
		NULL,
	};
	char *env[] = { "LC_ALL=C", NULL };

	if (confine(c, f) < 0)
		_exit(126);
	execve(c->parser, (char *const *)argv, env);
	_exit(127);
}

static int check_end(const ArmorCompiler *c, int r, int status, ProfileReport *report)
{
	const int s = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (r == -ETIME || s == SIGXCPU || s == SIGKILL)
		return profile_fail(report, -E2BIG,
				    "apparmor_parser does not come to an end with this profile in "
				    "%u seconds; use fewer patterns",
				    c->timeout);
	if (r < 0)
		return r;
	if (s == SIGXFSZ)
		return profile_fail(report, -EFBIG, "the packed policy is larger than %u bytes",
				    ARMOR_PACKED_MAX);
	if (s)
		return profile_fail(report, -EINVAL, "apparmor_parser crashes on this profile");
	if (WEXITSTATUS(status) == 126 || WEXITSTATUS(status) == 127)
		return profile_fail(report, -EIO, "%s can not be started", c->parser);
	return 0;
}

static int read_complaint(int fd, bool failed, bool unmediated, const ArmorSource *source,
			  ProfileReport *report)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = read_back(fd, &text, &size);

	if (r < 0)
		return r;
	for (size_t i = 0; i < size; i++)
		if (!text[i])
			text[i] = '?';
	return complaint_report(text, failed, unmediated, source, report);
}

static int take_result(const ArmorCompiler *c, const ArmorSource *source, const Files *f,
		       bool failed, void **ret, size_t *ret_size, ProfileReport *report)
{
	_cleanup_free_ char *packed = NULL;
	size_t size;
	int r;

	r = read_complaint(f->fd[COMPLAINT], failed, c->allow_unmediated, source, report);
	if (r == 0)
		r = read_back(f->fd[PACKED], &packed, &size);
	if (r < 0)
		return r;
	if (size == 0)
		return profile_fail(report, -EINVAL, "there is no profile in it");
	*ret = TAKE_PTR(packed);
	*ret_size = size;
	return 0;
}

static int compile(const ArmorCompiler *c, bool simplify, const char *text, size_t size, void **ret,
		   size_t *ret_size, ProfileReport *report)
{
	const ArmorSource source = { .text = text, .size = size, .includes = c->includes };
	_cleanup_(files_done) Files f = { .fd = { -EBADF, -EBADF, -EBADF, -EBADF } };
	int r, status = 0;
	pid_t pid;

	r = files_open(&f);
	if (r == 0)
		r = write_file(f.fd[PROFILE], text, size);
	if (r == 0)
		r = write_file(f.fd[ABI], armor_features, strlen(armor_features));
	if (r < 0)
		return r;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		run(c, simplify, &f);
	r = child_wait(pid, c->timeout, &status);
	r = check_end(c, r, status, report);
	if (r < 0)
		return r;
	return take_result(c, &source, &f, WEXITSTATUS(status) != 0, ret, ret_size, report);
}

/* The C++ that the parser is written in names it so. */
static bool ran_out_of_memory(const ProfileReport *report)
{
	return report->error && strstr(report->error, "bad_alloc");
}

int armor_compile(const ArmorCompiler *c, const char *text, size_t size, void **ret,
		  size_t *ret_size, ProfileReport *report)
{
	int r;

	if (size > PROFILE_SIZE_MAX)
		return profile_fail(report, -EFBIG, "the profile is larger than %u bytes",
				    PROFILE_SIZE_MAX);
	if (access(c->parser, X_OK) < 0)
		return profile_fail(report, -ENOENT, "there is no %s; install the package apparmor",
				    c->parser);
	r = compile(c, false, text, size, ret, ret_size, report);
	if (r < 0 && ran_out_of_memory(report)) {
		free(report->error);
		report->error = NULL;
		r = compile(c, true, text, size, ret, ret_size, report);
	}
	if (r < 0 && !report->error)
		return profile_fail(report, r, "the profile can not be compiled: %s", strerror(-r));
	return r;
}
