/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>

#include "vkerneld/build/cache.h"
#include "vkerneld/build/place.h"
#include "vkerneld/build/tree.h"

/* The template, or the core, as it was recorded, or none. */
static int copy_needed(const Job *j, int to)
{
	const char *module = j->policy ? TEMPLATE_MODULE : CORE_MODULE;
	_cleanup_close_ int from = builder_open(j->builder, j->needs, module);

	if (from < 0)
		return from;
	if (lseek(from, 0, SEEK_SET) < 0)
		return -errno;
	return fd_copy(from, to, NULL);
}

/* What a crash cuts short has not the content that is recorded, and is made anew as fast. */
static int place(Job *j, Failure *f)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -EBADF;
	int r;

	r = cache_make_temporary(j->builder->config->cache, &j->entry);
	if (r >= 0)
		r = job_module_path(j, j->entry, &path);
	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	r = copy_needed(j, fd);
	return r < 0 || !j->policy ? r : template_fill(fd, j->policy, f);
}

void place_run(Job *j)
{
	_cleanup_failure_ Failure f = {};
	int r = place(j, &f);

	if (r >= 0)
		job_keep(j);
	else if (f.error)
		job_fail(j, &f, NULL);
	else
		job_fail_errno(j, r,
			       j->policy ? "putting the policy into the template"
					 : "copying the core");
}
