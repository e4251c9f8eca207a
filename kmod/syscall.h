/* SPDX-License-Identifier: GPL-2.0-only */
/* What becomes of a system call that its virtual kernel does not plainly allow. */
#ifndef _VK_SYSCALL_H
#define _VK_SYSCALL_H

#include <linux/linkage.h>
#include <linux/types.h>

#include <vkernel/policy.h>

struct pt_regs;
struct vk_instance;

/* Returned in two registers: whether to answer in the handler's place, and what. */
struct vk_ruling {
	unsigned long answer;
	long value;
};

/* trampoline.S; not to be called from C */
asmlinkage void vk_syscall_trampoline(void);
asmlinkage void vk_syscall_detour(void);

/*
 * @entry: the table's entry of the call; for a number beyond the table, that number
 * Does not sleep, unless it ends the task.
 */
asmlinkage struct vk_ruling vk_syscall_rule(struct pt_regs *regs, struct vk_instance *instance,
					    u32 entry, const u32 *table);

#endif
