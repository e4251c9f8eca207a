/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/profile/isolate.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "proto/util.h"

#define MEMORY_MAX (1ul << 30)

/* Lies in memory that both processes see. */
typedef struct Outcome {
	int error;
	char message[512];
} Outcome;

static void outcome_freep(Outcome **o)
{
	if (*o)
		munmap(*o, sizeof(**o));
}

static Outcome *outcome_new(void)
{
	void *p = mmap(NULL, sizeof(Outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

int read_back(int fd, char **ret, size_t *ret_size)
{
	_cleanup_free_ char *text = NULL;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	if (pread(fd, text, (size_t)st.st_size, 0) != st.st_size)
		return -EIO;
	text[st.st_size] = '\0';
	*ret = TAKE_PTR(text);
	*ret_size = (size_t)st.st_size;
	return 0;
}

static int confine(void)
{
	const struct rlimit time = { ISOLATED_SECONDS, ISOLATED_SECONDS };
	const struct rlimit none = { 0, 0 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (setrlimit(RLIMIT_CPU, &time) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
#ifndef VK_SHADOW_MEMORY /* the sanitizers map terabytes */
	const struct rlimit memory = { MEMORY_MAX, MEMORY_MAX };

	if (setrlimit(RLIMIT_AS, &memory) < 0)
		return -errno;
#endif
	return 0;
}

static void run_child(Isolated *f, const void *arg, int fd, Outcome *outcome)
{
	ProfileReport report = {};

	outcome->error = confine();
	if (outcome->error == 0)
		outcome->error = f(arg, fd, &report);
	snprintf(outcome->message, sizeof(outcome->message), "%s",
		 report.error ? report.error : "");
	_exit(0);
}

static int check_outcome(const Outcome *outcome, int status, ProfileReport *report)
{
	if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGXCPU))
		return profile_fail(report, -E2BIG,
				    "libseccomp does not come to an end with these rules in %d "
				    "seconds; use fewer conditions",
				    ISOLATED_SECONDS);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return profile_fail(report, -EINVAL, "libseccomp crashes on these rules");
	if (outcome->error < 0 && *outcome->message)
		return profile_fail(report, outcome->error, "%s", outcome->message);
	return outcome->error;
}

int isolate(Isolated *f, const void *arg, char **ret, size_t *ret_size, ProfileReport *report)
{
	_cleanup_(outcome_freep) Outcome *outcome = outcome_new();
	_cleanup_close_ int fd = memfd_create("profile", MFD_CLOEXEC);
	int status, r;
	pid_t pid;

	if (!outcome)
		return -ENOMEM;
	if (fd < 0)
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		run_child(f, arg, fd, outcome);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	r = check_outcome(outcome, status, report);
	return r < 0 ? r : read_back(fd, ret, ret_size);
}
