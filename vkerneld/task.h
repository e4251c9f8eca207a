/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Work that may take long, in a child process, so that the loop goes on. SIGCHLD must be blocked.
 */
#pragma once

#include <systemd/sd-event.h>

#include "proto/util.h"

typedef struct Task Task;

/* Runs in the child; its result, 0 or a negative errno, is the task's. */
typedef int (*TaskWork)(void *arg);
/* The task is freed after this. */
typedef void (*TaskDone)(int result, void *userdata);

int task_start(sd_event *event, TaskWork work, void *arg, TaskDone done, void *userdata,
	       Task **ret);

/* Kills a task that still runs; done is not called. */
Task *task_free(Task *t);
