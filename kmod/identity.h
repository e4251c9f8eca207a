/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which virtual kernel a task runs on: 16 bits of thread_info.syscall_work that the kernel leaves
 * alone (it tests that word through masks) and that fork copies. A task that is bound but has not
 * executed its container's program yet carries the id 16 bits lower, where no hook looks.
 */
#ifndef _VK_IDENTITY_H
#define _VK_IDENTITY_H

#include <linux/atomic.h>
#include <linux/sched.h>
#include <linux/types.h>

#define VK_ID_SHIFT 48
#define VK_PENDING_SHIFT 32
#define VK_ID_MASK 0xffffull
#define VK_ID_MAX 0xffff

static inline u16 vk_task_id(const struct task_struct *task)
{
	return READ_ONCE(task_thread_info(task)->syscall_work) >> VK_ID_SHIFT;
}

static inline u16 vk_task_pending(const struct task_struct *task)
{
	return READ_ONCE(task_thread_info(task)->syscall_work) >> VK_PENDING_SHIFT & VK_ID_MASK;
}

/* @id: in place of any mark that was there; 0 takes it off */
void vk_task_set_pending(struct task_struct *task, u16 id);
void vk_task_activate(struct task_struct *task, u16 id);

#endif
