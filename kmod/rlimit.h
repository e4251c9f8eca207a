/* SPDX-License-Identifier: GPL-2.0-only */
/* Resource limits: what tasks may set them to. As file.h's. */
#ifndef _VK_RLIMIT_H
#define _VK_RLIMIT_H

struct rlimit;
struct task_struct;
struct vk_instance;

int vk_task_setrlimit(struct task_struct *task, unsigned int resource, struct rlimit *limit, long,
		      long, struct vk_instance *instance);

/* The task becomes one of the instance: it has no more than that from now on. Does not sleep. */
void vk_rlimit_enter(struct task_struct *task, struct vk_instance *instance);

#endif
