/* SPDX-License-Identifier: GPL-2.0-only */
/* From a system call's number to the function that serves it. */
#ifndef _VK_HANDLER_H
#define _VK_HANDLER_H

#include <linux/types.h>

#include <vkernel/policy.h>

/* Room for every entry of both tables. */
#define VK_MAX_HANDLERS (VK_NR_TABLES * VK_NR_CALLS)

int vk_handlers_find(void);
void vk_handlers_forget(void);

/* Where a handler goes on after its hook; 0 for one that only answers ENOSYS. Does not sleep. */
unsigned long vk_handler_body(enum vk_table table, u32 nr);

/**
 * vk_handlers_restricted - the functions to hook for a policy
 * @policy: any valid one
 * @addrs: room for VK_MAX_HANDLERS ftrace locations; filled sorted, each once. Numbers without a
 *	handler share one function, which ftrace may not reach: then its address is there.
 *
 * Return: their count, or -EOPNOTSUPP if one of them can not be hooked here.
 */
int vk_handlers_restricted(const struct vk_policy *policy, unsigned long *addrs);

#endif
