// SPDX-License-Identifier: GPL-2.0-only
#include <linux/build_bug.h>
#include <linux/entry-common.h>

#include "identity.h"

/* The kernel sets and clears its own bits of this word at any time: only atomics here. */
static atomic64_t *vk_work(struct task_struct *task)
{
	BUILD_BUG_ON(sizeof(task_thread_info(task)->syscall_work) != sizeof(atomic64_t));
	BUILD_BUG_ON((u64)(SYSCALL_WORK_ENTER | SYSCALL_WORK_EXIT) >> VK_PENDING_SHIFT);
	return (atomic64_t *)&task_thread_info(task)->syscall_work;
}

void vk_task_set_pending(struct task_struct *task, u16 id)
{
	s64 old = atomic64_read(vk_work(task)), new;

	do {
		new = (old & ~(VK_ID_MASK << VK_PENDING_SHIFT)) | (u64)id << VK_PENDING_SHIFT;
	} while (!atomic64_try_cmpxchg(vk_work(task), &old, new));
}

/* The id first: at no moment does the task carry neither, so its instance can not go. */
void vk_task_activate(struct task_struct *task, u16 id)
{
	atomic64_or((u64)id << VK_ID_SHIFT, vk_work(task));
	vk_task_set_pending(task, 0);
}
