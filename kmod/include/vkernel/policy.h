/* SPDX-License-Identifier: GPL-2.0 OR LGPL-2.1-or-later */
/*
 * The contract between the core, the generated image modules and the compiler of policies.
 *
 * A policy is one flat object without pointers, so the bytes that the compiler computes are the
 * bytes that an image module carries and the core walks. The kernel and user space compile this
 * file alike.
 */
#ifndef _VKERNEL_POLICY_H
#define _VKERNEL_POLICY_H

#include <linux/types.h>

#define VK_POLICY_ABI 3

/* Numbers 0..VK_NR_CALLS-1 have an entry each; one more stands for all numbers beyond. */
#define VK_NR_CALLS 512
#define VK_CALL_BEYOND VK_NR_CALLS

#define VK_DIGEST_SIZE 32
/* vkernel_<12 hex digits of the digest> */
#define VK_MODULE_PREFIX "vkernel_"
#define VK_MODULE_DIGITS 12

#define VK_MAX_NODES 4096

#define VK_POLICY_MAX_SIZE (64u << 20)

enum vk_table {
	VK_TABLE_NATIVE, /* x86-64 numbers */
	VK_TABLE_COMPAT, /* i386 numbers: int 0x80 and 32-bit programs */
	VK_NR_TABLES
};

/* In order of severity: of two verdicts, the greater one is the more restrictive. */
enum vk_action {
	VK_ALLOW,
	VK_LOG,
	VK_TRACE,
	VK_ERRNO, /* data: the errno, 0..4095 */
	VK_TRAP, /* data: si_errno of the SIGSYS */
	VK_KILL_THREAD,
	VK_KILL_PROCESS,
	VK_NR_ACTIONS
};

/*
 * An entry is a verdict, or, with VK_ENTRY_PROGRAM, the index of the node that decides. The entry
 * 0 allows: the core hooks no handler for it.
 */
#define VK_ENTRY_PROGRAM 0x80000000u
#define VK_VERDICT(action, data) (((__u32)(action) << 16) | (__u32)(data))
#define VK_VERDICT_ACTION(entry) ((enum vk_action)(((entry) >> 16) & 0x7fff))
#define VK_VERDICT_DATA(entry) ((entry) & 0xffffu)

enum vk_op {
	VK_OP_EQ, /* (argument & mask) == value */
	VK_OP_GT, /* unsigned */
	VK_OP_GE, /* unsigned */
	VK_NR_OPS
};

/* One comparison; nodes only lead to nodes behind them, so each walk ends. */
struct vk_node {
	__u64 mask;
	__u64 value;
	__u32 yes; /* entry if the comparison holds */
	__u32 no; /* entry if it does not */
	__u8 op; /* enum vk_op */
	__u8 arg; /* 0..5 */
	__u8 pad[6]; /* zero */
};

struct vk_policy {
	__u32 abi;
	__u32 nr_nodes;
	__u8 digest[VK_DIGEST_SIZE]; /* SHA-256 of all that follows, little endian as it lies here */
	__u32 table[VK_NR_TABLES][VK_NR_CALLS + 1];
	__u32 size; /* of all its bytes */
	__u32 mediates; /* classes of operations that its confinements rule, by bit */
	__u64 capabilities; /* that its confinements leave, by bit */
	struct vk_node nodes[]; /* and behind them the confinements, <vkernel/confine.h> */
};

#ifdef __KERNEL__
struct module;

/**
 * vkernel_policy_register - make a policy known to the core
 * @policy: must stay as it is until vkernel_policy_unregister()
 * @size: of the bytes that there are
 * @owner: the image module; each instance holds a reference to it
 *
 * Hooks the handlers that the policy restricts. May sleep.
 *
 * Return: 0; -EPROTO for another ABI; -EINVAL for a malformed policy; -EEXIST for a digest that is
 * there already; -EOPNOTSUPP for a handler that this kernel does not let hook.
 */
int vkernel_policy_register(const struct vk_policy *policy, size_t size, struct module *owner);

/** vkernel_policy_unregister - the end of it; from the module's exit, so no instance uses it */
void vkernel_policy_unregister(const struct vk_policy *policy);
#endif

#endif
