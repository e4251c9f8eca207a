// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <sys/stat.h>

#include "file.h"

/* Ten components, and a name that is free: in memory, where creating costs ever the same. */
#define DEEP_FILE "/srv/bench/three/four/five/six/seven/eight/nine/file"
#define NEW_FILE "/run/bench/new"

static char file[64];

static int result(int r)
{
	return r < 0 ? -errno : 0;
}

static int open_close(const void *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return result(fd < 0 ? fd : close(fd));
}

static int stat_path(const void *path)
{
	struct stat st;

	return result(stat(path, &st));
}

/* Of a file that was opened before it counts. */
static int stat_open(const void *path)
{
	static int fd = -1;
	struct stat st;

	if (fd < 0)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	return result(fd < 0 ? fd : fstat(fd, &st));
}

static int creat_unlink(const void *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || close(fd) < 0)
		return -errno;
	return result(unlink(path));
}

const struct operation file_operations[NR_FILE_OPERATIONS] = {
	{ "open_close", open_close, file },
	{ "open_deep", open_close, DEEP_FILE },
	{ "stat", stat_path, file },
	{ "fstat", stat_open, file },
	{ "creat_unlink", creat_unlink, NEW_FILE },
};

int file_choose(const char *path)
{
	const int n = snprintf(file, sizeof(file), "%s", path);

	return n < (int)sizeof(file) ? result(access(file, R_OK)) : -ENAMETOOLONG;
}

int open_forbidden(void)
{
	return open_close("/proc/sysrq-trigger");
}
