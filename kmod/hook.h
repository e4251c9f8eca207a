/* SPDX-License-Identifier: GPL-2.0-only */
/* Hooks on functions of the kernel, shared by the policies that need them. */
#ifndef _VK_HOOK_H
#define _VK_HOOK_H

#include <linux/list.h>
#include <linux/types.h>

#include "vkernel_genl.h"

struct vk_batch;
struct vk_hook_set;

/* Where the tasks of containers are sent from a hooked function. Not to be called from C. */
struct vk_way {
	void (*trampoline)(void); /* from the function's entry: ftrace's direct call */
	/*
	 * Says what is to run in place of the body of the function that ftrace patches at @addr,
	 * where a direct call can not be had. Not traced, with preemption off.
	 */
	unsigned long (*detour)(unsigned long addr);
};

/* One hooked function; lives as long as its batch. vk_hooks_mutex guards it. */
struct vk_hook {
	struct hlist_node node;
	struct vk_batch *batch;
	u64 serial; /* greater than of all that were hooked before */
	unsigned long addr; /* where ftrace patches it, if it can */
	unsigned int users; /* policies */
};

enum vkernel_hook_state vk_hook_state(const struct vk_hook *hook);

/**
 * vk_hooks_guard - keep ftrace from being switched off while the core is loaded
 *
 * Return: 0, or -EBUSY if it is off now (kernel.ftrace_enabled = 0).
 */
int vk_hooks_guard(void);

/* The end of it: no batch is left. Returns when no task is in a trampoline any more. */
void vk_hooks_unguard(void);

/**
 * vk_hooks_acquire - hook functions for a policy
 * @way: of all of them; one function has one way always
 * @addrs: where ftrace patches them, each once, as vk_handlers_restricted() gives them
 * @count: how many
 *
 * Those that are hooked already only count one more user. May sleep.
 *
 * Return: the claim on them, for vk_hooks_release(); -EBUSY if somebody holds one of them in every
 * way there is; -EOPNOTSUPP for one that can not be reached; else what ftrace says.
 */
struct vk_hook_set *vk_hooks_acquire(const struct vk_way *way, const unsigned long *addrs,
				     size_t count);

/* May take a second: ftrace waits for every task that could be in a trampoline. */
void vk_hooks_release(struct vk_hook_set *set);

size_t vk_hook_set_size(const struct vk_hook_set *set);

/*
 * Calls visit() for every hook with a serial of at least @first, in order, until it returns
 * non-zero; returns that.
 */
int vk_hooks_visit(u64 first, int (*visit)(const struct vk_hook *hook, void *data), void *data);

#endif
