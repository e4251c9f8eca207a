/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel takes, from the request to its answer:
 * bench-kernel load FILE      for a module that is not loaded, and is not afterwards
 * bench-kernel bind MODULE    for a process that is bound to that policy
 * prints the microseconds of each of 30 times.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "vkerneld/kernel.h"

#define ROUNDS 30
#define CGROUP "/sys/fs/cgroup/bench-kernel"

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int load_once(const char *path, const char *module, double *ret_us)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	double began = now();

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) < 0)
		return -errno;
	*ret_us = now() - began;
	return syscall(SYS_delete_module, module, O_NONBLOCK) < 0 ? -errno : 0;
}

static int load(const char *path)
{
	_cleanup_free_ char *module = strdup(basename(path));
	double us;
	int r = 0;

	if (!module)
		return -ENOMEM;
	*strchrnul(module, '.') = '\0';
	for (int i = 0; r >= 0 && i < ROUNDS; i++) {
		r = load_once(path, module, &us);
		if (r >= 0)
			printf("%.3f\n", us);
	}
	return r;
}

/* A container's first process, which waits. */
static pid_t contain(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		int fd = open(CGROUP "/cgroup.procs", O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, "0", 1) != 1 || raise(SIGSTOP) != 0)
			_exit(1);
		_exit(0);
	}
	if (pid > 0 && waitpid(pid, NULL, WUNTRACED) != pid)
		return -1;
	return pid;
}

static int bind_once(Kernel *k, KernelBinding *want, double *ret_us)
{
	const pid_t pid = contain();
	KernelInstance instance;
	double began;
	int r;

	if (pid < 0)
		return -errno;
	want->pid = (uint32_t)pid;
	began = now();
	r = kernel_bind(k, want, &instance);
	*ret_us = now() - began;
	if (r >= 0)
		r = kernel_unbind(k, &instance);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return r;
}

static void on_event(const KernelEvent *event, void *userdata)
{
}

static int bind_often(const char *module)
{
	KernelBinding want = { .container = "bench", .capabilities = UINT64_MAX };
	_cleanup_free_ KernelPolicy *policies = NULL;
	sd_event *event;
	Kernel *k;
	size_t n = 0;
	double us;
	int r;

	r = sd_event_new(&event);
	if (r >= 0)
		r = kernel_new(event, on_event, NULL, &k);
	if (r >= 0)
		r = kernel_probe(k);
	if (r >= 0)
		r = kernel_policies(k, &policies, &n);
	for (size_t i = 0; r >= 0 && i < n; i++)
		if (strcmp(policies[i].module, module) == 0)
			want.digest = policies[i].digest;
	if (r < 0 || !want.digest)
		return r < 0 ? r : -ENOENT;
	for (int i = 0; r >= 0 && i < ROUNDS; i++) {
		r = bind_once(k, &want, &us);
		if (r >= 0)
			printf("%.3f\n", us);
	}
	return r;
}

int main(int argc, char **argv)
{
	int r = -EINVAL;

	if (argc == 3 && strcmp(argv[1], "load") == 0)
		r = load(argv[2]);
	if (argc == 3 && strcmp(argv[1], "bind") == 0) {
		(void)mkdir(CGROUP, 0755);
		r = bind_often(argv[2]);
		(void)rmdir(CGROUP);
	}
	if (r < 0)
		fprintf(stderr, "bench-kernel: %s\n", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
