// SPDX-License-Identifier: LGPL-2.1-or-later
/* Operations that execute files, or map them to be executed. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine.h"

static char *no_strings[] = { NULL };

struct program {
	int fd; /* executed if there is no path */
	const char *path;
};

/* Its pipe closes when another program runs. */
static int execute(const struct program *program)
{
	char *argv[] = { (char *)"program", NULL };
	int pipe_fds[2], r = 0, status;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return (int)step("pipe", -1);
	pid = fork();
	if (pid < 0)
		return (int)step("fork", -1);
	if (pid == 0) {
		r = (int)(program->path ? execve(program->path, argv, no_strings)
					: execveat(program->fd, "", argv, no_strings, AT_EMPTY_PATH));
		r = -errno;
		_exit(write(pipe_fds[1], &r, sizeof(r)) == sizeof(r) ? 1 : 2);
	}
	close(pipe_fds[1]);
	if (read(pipe_fds[0], &r, sizeof(r)) != sizeof(r))
		r = 0;
	if (waitpid(pid, &status, 0) != pid)
		return (int)step("wait", -1);
	if (r == 0 && WIFSIGNALED(status)) {
		errno = ENOEXEC;
		return (int)step(WTERMSIG(status) == 11 ? "segv" : "killed", -1);
	}
	return r;
}

static int op_exec(char **w)
{
	return execute(&(struct program){ .path = w[0] });
}

static int op_exec_script(char **w)
{
	int r = (int)outside("script %s %s", w[0], w[1]);

	return r < 0 ? r : op_exec(w);
}

static int op_exec_fd(char **w)
{
	int fd = (int)step("path", open(w[0], O_PATH));

	return fd < 0 ? fd : execute(&(struct program){ .fd = fd });
}

static int op_exec_proc(char **w)
{
	int fd = (int)step("path", open(w[0], O_PATH));
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return fd < 0 ? fd : execute(&(struct program){ .path = path });
}

static int op_exec_deleted(char **w)
{
	int fd = (int)step("path", open(w[0], O_PATH)), r;

	if (fd < 0)
		return fd;
	r = (int)outside("unlink %s", w[0]);
	return r < 0 ? r : execute(&(struct program){ .fd = fd });
}

static int make_memfd(void)
{
	int fd = (int)step("memfd", memfd_create("program", 0));

	if (fd < 0)
		return fd;
	if (write(fd, confine_program, confine_program_size) != (ssize_t)confine_program_size)
		return (int)step("write", -1);
	return fd;
}

static int op_exec_memfd(char **w)
{
	int fd = make_memfd();

	return fd < 0 ? fd : execute(&(struct program){ .fd = fd });
}

static int protection(const char *letters)
{
	return (strchr(letters, 'r') ? PROT_READ : 0) | (strchr(letters, 'w') ? PROT_WRITE : 0) |
	       (strchr(letters, 'x') ? PROT_EXEC : 0);
}

static void *map(int fd, int prot, const char *kind)
{
	return mmap(NULL, 4096, prot, strcmp(kind, "shared") == 0 ? MAP_SHARED : MAP_PRIVATE, fd,
		    0);
}

/* Of the file's flags, the protection, and "shared" or "private". */
static int op_mmap(char **w)
{
	int fd = (int)step("open", open(w[3], open_flags(w[0])));

	if (fd < 0)
		return fd;
	return map(fd, protection(w[1]), w[2]) == MAP_FAILED ? -errno : 0;
}

static int op_mprotect(char **w)
{
	int fd = (int)step("open", open(w[3], open_flags(w[0])));
	void *at;

	if (fd < 0)
		return fd;
	at = map(fd, PROT_READ, w[2]);
	if (at == MAP_FAILED)
		return (int)step("mmap", -1);
	return outcome(mprotect(at, 4096, protection(w[1])));
}

static int op_mmap_memfd(char **w)
{
	int fd = make_memfd();

	if (fd < 0)
		return fd;
	return map(fd, PROT_READ | PROT_EXEC, "private") == MAP_FAILED ? -errno : 0;
}

static int op_mmap_anonymous(char **w)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0) ==
			       MAP_FAILED
		       ? -errno
		       : 0;
}

const struct operation program_operations[] = {
	{ "exec", 1, op_exec },
	{ "exec-script", 2, op_exec_script },
	{ "exec-fd", 1, op_exec_fd },
	{ "exec-proc", 1, op_exec_proc },
	{ "exec-deleted", 1, op_exec_deleted },
	{ "exec-memfd", 0, op_exec_memfd },
	{ "mmap", 4, op_mmap },
	{ "mprotect", 4, op_mprotect },
	{ "mmap-memfd", 0, op_mmap_memfd },
	{ "mmap-anonymous", 0, op_mmap_anonymous },
	{},
};
