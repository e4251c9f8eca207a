/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/syscall.h>

#include "vkerneld/kmod.h"

static int load(void *arg)
{
	if (syscall(SYS_finit_module, *(int *)arg, "", 0) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

static int unload(void *arg)
{
	for (const char *const *name = arg; *name; name++)
		if (syscall(SYS_delete_module, *name, O_NONBLOCK) < 0)
			return -errno;
	return 0;
}

int kmod_load(sd_event *event, int fd, TaskDone done, void *userdata, Task **ret)
{
	return task_start(event, load, &fd, done, userdata, ret);
}

int kmod_unload(sd_event *event, const char *const *names, TaskDone done, void *userdata,
		Task **ret)
{
	return task_start(event, unload, (void *)names, done, userdata, ret);
}
