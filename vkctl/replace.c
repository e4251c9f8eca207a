// SPDX-License-Identifier: LGPL-2.1-or-later
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "proto/util.h"
#include "vkctl/replace.h"

static int write_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, text, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		length -= (size_t)n;
	}
	return 0;
}

static int fill(int fd, const struct stat *like, const char *text, size_t length)
{
	int r = write_all(fd, text, length);

	if (r < 0)
		return r;
	if ((like->st_uid != geteuid() || like->st_gid != getegid()) &&
	    fchown(fd, like->st_uid, like->st_gid) < 0)
		return -errno;
	return fchmod(fd, like->st_mode & 07777) < 0 ? -errno : 0;
}

int replace_file(const char *path, const char *text, size_t length)
{
	_cleanup_free_ char *real = realpath(path, NULL), *new = NULL;
	_cleanup_close_ int fd = -EBADF;
	struct stat like;
	int r;

	if (!real || stat(real, &like) < 0)
		return -errno;
	if (asprintf(&new, "%s.XXXXXX", real) < 0) {
		new = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(new, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fill(fd, &like, text, length);
	if (r >= 0 && rename(new, real) < 0)
		r = -errno;
	if (r < 0)
		(void)unlink(new);
	return r;
}
