/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels that are supported: 6.1 to 7.3. The other files know no
 * versions.
 */
#ifndef _VK_COMPAT_H
#define _VK_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "vkernel supports Linux 6.1 and newer"
#endif

#ifndef __ASSEMBLY__

#include <linux/ftrace.h>
#include <linux/sched.h>
#include <net/genetlink.h>
#include <asm/unistd.h>

/* Direct calls for several functions at once lost their suffix in 6.6. */
static inline int vk_ftrace_direct_register(struct ftrace_ops *ops, unsigned long trampoline)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	return register_ftrace_direct(ops, trampoline);
#else
	return register_ftrace_direct_multi(ops, trampoline);
#endif
}

static inline int vk_ftrace_direct_unregister(struct ftrace_ops *ops, unsigned long trampoline)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	return unregister_ftrace_direct(ops, trampoline, true);
#else
	int err = unregister_ftrace_direct_multi(ops, trampoline);

	if (!err)
		ftrace_free_filter(ops);
	return err;
#endif
}

/*
 * What the kernel puts into programs that it probes, and makes them call. seccomp has no say in
 * these: a program that they are refused to dies of the probe.
 */
static inline bool vk_is_call_of_probes(int native)
{
#ifdef __NR_uprobe
	if (native == __NR_uprobe)
		return true;
#endif
#ifdef __NR_uretprobe
	if (native == __NR_uretprobe)
		return true;
#endif
	return false;
}

/* What a family's pre_doit() is told of the command. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
typedef struct genl_split_ops vk_genl_op_t;
#else
typedef struct genl_ops vk_genl_op_t;
#endif

/* The attributes of a dump's request. */
static inline struct nlattr **vk_genl_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	return genl_info_dump(cb)->attrs;
#else
	return (struct nlattr **)genl_dumpit_info(cb)->attrs;
#endif
}

/* Who may listen to a group is named since 6.7, and in 6.1 where that was brought back. */
#ifdef GENL_MCAST_CAP_NET_ADMIN
#define VK_GENL_MCGRP_PERM GENL_MCAST_CAP_NET_ADMIN
#else
#define VK_GENL_MCGRP_PERM GENL_UNS_ADMIN_PERM
#endif

#else /* __ASSEMBLY__ */

#include <asm/percpu.h>
#include <asm/nospec-branch.h>

/* current lived in struct pcpu_hot from 6.2 to 6.14. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
#define VK_CURRENT PER_CPU_VAR(const_current_task)
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define VK_CURRENT PER_CPU_VAR(pcpu_hot + X86_current_task)
#else
#define VK_CURRENT PER_CPU_VAR(current_task)
#endif

#endif
#endif
