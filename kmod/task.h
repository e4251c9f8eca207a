/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signals and tracing, between tasks of one container, of several, and of the host. Only tasks of
 * containers are asked: what the host's do to them is theirs to decide. As file.h's.
 */
#ifndef _VK_TASK_H
#define _VK_TASK_H

struct cred;
struct kernel_siginfo;
struct task_struct;
struct vk_instance;

int vk_task_kill(struct task_struct *task, struct kernel_siginfo *info, int sig,
		 const struct cred *cred, long, struct vk_instance *instance);
int vk_ptrace_access_check(struct task_struct *child, unsigned int mode, long, long, long,
			   struct vk_instance *instance);
int vk_ptrace_traceme(struct task_struct *parent, long, long, long, long,
		      struct vk_instance *instance);

#endif
