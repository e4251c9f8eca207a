/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/syscall.h>

#include <libkmod.h>

#include "vkerneld/kmod.h"

static int load(void *arg)
{
	if (syscall(SYS_finit_module, *(int *)arg, "", 0) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

/* The process ends with it, so nothing is freed. */
static int load_installed(void *arg)
{
	static const char *const no_config[] = { NULL };
	struct kmod_ctx *ctx = kmod_new(NULL, no_config);
	struct kmod_module *m;
	int r;

	if (!ctx)
		return -ENOMEM;
	r = kmod_module_new_from_path(ctx, arg, &m);
	if (r >= 0)
		r = kmod_module_insert_module(m, 0, NULL);
	return r == -EEXIST ? 0 : r;
}

static int unload(void *arg)
{
	int r = 0;

	for (const char *const *name = arg; *name; name++)
		if (syscall(SYS_delete_module, *name, O_NONBLOCK) < 0 && errno != ENOENT && r == 0)
			r = -errno;
	return r;
}

int kmod_unload_now(const char *const *names)
{
	return unload((void *)names);
}

int kmod_load(sd_event *event, int fd, TaskDone done, void *userdata, Task **ret)
{
	return task_start(event, load, &fd, done, userdata, ret);
}

int kmod_load_installed(sd_event *event, const char *path, TaskDone done, void *userdata,
			Task **ret)
{
	return task_start(event, load_installed, (void *)path, done, userdata, ret);
}

int kmod_unload(sd_event *event, const char *const *names, TaskDone done, void *userdata,
		Task **ret)
{
	return task_start(event, unload, (void *)names, done, userdata, ret);
}
