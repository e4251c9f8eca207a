/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernel modules go in and out in child processes: either may take a second. */
#pragma once

#include "vkerneld/task.h"

/* fd: the module's file, which may be closed at once. One that is there already is a success. */
int kmod_load(sd_event *event, int fd, TaskDone done, void *userdata, Task **ret);
/* The same for a file of /lib/modules, which may be compressed. */
int kmod_load_installed(sd_event *event, const char *path, TaskDone done, void *userdata,
			Task **ret);

/*
 * Unloads them in order, as many as can be, and takes one that is not there for unloaded. The first
 * error is the result: -EWOULDBLOCK for one in use. names: NULL-terminated.
 */
int kmod_unload(sd_event *event, const char *const *names, TaskDone done, void *userdata,
		Task **ret);
/* The same, before it returns. */
int kmod_unload_now(const char *const *names);
