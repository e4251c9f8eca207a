/* SPDX-License-Identifier: GPL-2.0-only */
/* What becomes of a system call that its virtual kernel does not plainly allow. */
#ifndef _VK_SYSCALL_H
#define _VK_SYSCALL_H

#include <linux/linkage.h>
#include <linux/types.h>

#include <vkernel/policy.h>

#include "hook.h"

struct pt_regs;
struct vk_instance;

/* How handlers are hooked. */
extern const struct vk_way vk_syscall_way;

/* trampoline.S; not to be called from C */
asmlinkage void vk_syscall_trampoline(void);
asmlinkage void vk_syscall_detour(void);

/* For the detour: what it took the place of. */
asmlinkage unsigned long vk_syscall_body(const struct pt_regs *regs);

/*
 * For the trampoline: a call by its number, native or 32-bit, and one whose number is not in the
 * table. None sleeps, unless it ends the task.
 * @entry: not 0
 *
 * Return: whether the call is answered in the handler's place; regs->ax is the answer then.
 */
asmlinkage bool vk_syscall_rule(struct pt_regs *regs, struct vk_instance *instance, u32 entry,
				const struct vk_policy *policy);
asmlinkage bool vk_syscall_compat_rule(struct pt_regs *regs, struct vk_instance *instance,
				       u32 entry, const struct vk_policy *policy);
asmlinkage bool vk_syscall_beyond(struct pt_regs *regs, struct vk_instance *instance,
				  const struct vk_policy *policy);

#endif
