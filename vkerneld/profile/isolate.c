/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/profile/isolate.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "proto/util.h"
#include "vkerneld/child.h"

#define MEMORY_MAX (1ul << 30)
#define FILES_MAX 16
/* It may have to wait for the processor, but not for ever. */
#define WAIT_TIMES 5

/* In the order of the child's descriptors, behind the usual ones. */
enum { RESULT, REPORT, NR_FILES };

#define FIRST 3

static bool isolated;

static void files_done(int (*files)[NR_FILES])
{
	for (size_t i = 0; i < NR_FILES; i++)
		closep(&(*files)[i]);
}

static int files_open(int files[static NR_FILES])
{
	for (size_t i = 0; i < NR_FILES; i++) {
		files[i] = memfd_create("profile", MFD_CLOEXEC);
		if (files[i] < 0)
			return -errno;
	}
	return 0;
}

int read_back(int fd, char **ret, size_t *ret_size)
{
	const off_t size = lseek(fd, 0, SEEK_END);
	_cleanup_free_ char *text = NULL;

	if (size < 0)
		return -errno;
	text = malloc((size_t)size + 1);
	if (!text)
		return -ENOMEM;
	if (pread(fd, text, (size_t)size, 0) != size)
		return -EIO;
	text[size] = '\0';
	*ret = TAKE_PTR(text);
	*ret_size = (size_t)size;
	return 0;
}

int write_out(int fd, const void *bytes, size_t size)
{
	for (const char *at = bytes; size > 0;) {
		ssize_t n = write(fd, at, size);

		if (n < 0)
			return -errno;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

/* The database is among what it closes, and the kernel's socket. */
static int leave_system(const int files[static NR_FILES])
{
	int above[NR_FILES], r;

	for (int i = 0; i < NR_FILES; i++) {
		above[i] = fcntl(files[i], F_DUPFD, FIRST + NR_FILES);
		if (above[i] < 0)
			return -errno;
	}
	for (int i = 0; i < NR_FILES; i++)
		if (dup2(above[i], FIRST + i) < 0)
			return -errno;
	if (close_range(FIRST + NR_FILES, ~0u, 0) < 0)
		return -errno;
	r = child_limit(RLIMIT_NOFILE, FILES_MAX);
	return r < 0 ? r : child_only_compute();
}

static int confine(const Isolation *as, const int files[static NR_FILES])
{
	int r = child_limit_time(as->seconds);

	if (r >= 0)
		r = child_limit(RLIMIT_FSIZE, VK_POLICY_MAX_SIZE);

#ifndef VK_SHADOW_MEMORY /* the sanitizers map terabytes */
	if (r >= 0)
		r = child_limit(RLIMIT_AS, MEMORY_MAX);
#endif
	if (r >= 0)
		r = child_become(as->uid, as->gid);
	return r < 0 ? r : leave_system(files);
}

static void run_child(const Isolation *as, Isolated *f, const void *arg,
		      const int files[static NR_FILES])
{
	ProfileReport report = {};
	int r;

	isolated = true;
	child_reset_signals();
	r = confine(as, files);
	if (r < 0)
		_exit(126);
	r = f(arg, FIRST + RESULT, &report);
	_exit(profile_report_write(&report, r, FIRST + REPORT) < 0 ? 125 : 0);
}

static int check_end(const Isolation *as, int r, int status, ProfileReport *report)
{
	const int s = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (r == -ETIME || s == SIGXCPU)
		return profile_fail(report, -E2BIG,
				    "reading this does not come to an end in %u seconds; use fewer "
				    "conditions or patterns",
				    as->seconds);
	if (r < 0)
		return r;
	if (s == SIGXFSZ)
		return profile_fail(report, -E2BIG,
				    "what becomes of this is too large; use fewer conditions or "
				    "patterns");
	if (s == SIGKILL)
		return profile_fail(report, -EIO, "the process that reads this was killed");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 126)
		return profile_fail(report, -EIO, "the process that reads can not be confined");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return profile_fail(report, -EINVAL, "its reader crashes on this");
	return 0;
}

static int run_here(Isolated *f, const void *arg, char **ret, size_t *ret_size,
		    ProfileReport *report)
{
	_cleanup_close_ int fd = memfd_create("profile", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = f(arg, fd, report);
	return r < 0 ? r : read_back(fd, ret, ret_size);
}

static int take_result(const int files[static NR_FILES], char **ret, size_t *ret_size,
		       ProfileReport *report)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = read_back(files[REPORT], &text, &size);

	if (r >= 0)
		r = profile_report_read(text, size, report);
	return r < 0 ? r : read_back(files[RESULT], ret, ret_size);
}

int isolate(const Isolation *as, Isolated *f, const void *arg, char **ret, size_t *ret_size,
	    ProfileReport *report)
{
	_cleanup_(files_done) int files[NR_FILES] = { -EBADF, -EBADF };
	int r, status = 0;
	pid_t pid;

	if (isolated)
		return run_here(f, arg, ret, ret_size, report);
	r = files_open(files);
	if (r < 0)
		return r;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		run_child(as, f, arg, files);
	r = child_wait(pid, WAIT_TIMES * as->seconds, &status);
	r = check_end(as, r, status, report);
	return r < 0 ? r : take_result(files, ret, ret_size, report);
}
