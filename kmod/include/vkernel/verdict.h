/* SPDX-License-Identifier: GPL-2.0 OR LGPL-2.1-or-later */
/*
 * Decisions over a policy: pure functions, compiled into the core and, for the tests and the
 * policy compiler, into user space.
 */
#ifndef _VKERNEL_VERDICT_H
#define _VKERNEL_VERDICT_H

#include <vkernel/policy.h>

static inline __u32 vk_node_choose(const struct vk_node *node, __u64 arg, __u32 yes, __u32 no)
{
	arg &= node->mask;
	switch (node->op) {
	case VK_OP_EQ:
		return arg == node->value ? yes : no;
	case VK_OP_GT:
		return arg > node->value ? yes : no;
	default:
		return arg >= node->value ? yes : no;
	}
}

static inline int vk_node_holds(const struct vk_node *node, __u64 arg)
{
	return !!vk_node_choose(node, arg, 1, 0);
}

/* The entry behind a node. */
static inline __u32 vk_node_step(const struct vk_node *node, __u64 arg)
{
	return vk_node_choose(node, arg, node->yes, node->no);
}

/*
 * The verdict of @entry over the six arguments of a call. Only for a policy that
 * vk_policy_valid() accepted.
 */
static inline __u32 vk_verdict(const struct vk_policy *policy, __u32 entry, const __u64 *args)
{
	while (entry & VK_ENTRY_PROGRAM) {
		const struct vk_node *node = &policy->nodes[entry & ~VK_ENTRY_PROGRAM];

		entry = vk_node_step(node, args[node->arg]);
	}
	return entry;
}

/* @first: the lowest node that the entry may name */
static inline int vk_entry_valid(const struct vk_policy *policy, __u32 entry, __u32 first)
{
	if (entry & VK_ENTRY_PROGRAM) {
		__u32 index = entry & ~VK_ENTRY_PROGRAM;

		return index >= first && index < policy->nr_nodes;
	}
	if (VK_VERDICT_ACTION(entry) >= VK_NR_ACTIONS)
		return 0;
	if (VK_VERDICT_ACTION(entry) == VK_ALLOW)
		return !VK_VERDICT_DATA(entry);
	return VK_VERDICT_ACTION(entry) != VK_ERRNO || VK_VERDICT_DATA(entry) <= 4095;
}

/* Whether the policy is well formed: no entry leads outside it, no walk is endless. */
static inline int vk_policy_valid(const struct vk_policy *policy)
{
	__u32 i, t;

	if (policy->nr_nodes > VK_MAX_NODES)
		return 0;
	for (t = 0; t < VK_NR_TABLES; t++)
		for (i = 0; i <= VK_NR_CALLS; i++)
			if (!vk_entry_valid(policy, policy->table[t][i], 0))
				return 0;
	for (i = 0; i < policy->nr_nodes; i++) {
		const struct vk_node *node = &policy->nodes[i];

		if (node->op >= VK_NR_OPS || node->arg > 5)
			return 0;
		if (!vk_entry_valid(policy, node->yes, i + 1) ||
		    !vk_entry_valid(policy, node->no, i + 1))
			return 0;
	}
	return 1;
}

#endif
