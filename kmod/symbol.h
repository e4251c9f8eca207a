/* SPDX-License-Identifier: GPL-2.0-only */
/* What the core needs of the kernel and the kernel does not export. */
#ifndef _VK_SYMBOL_H
#define _VK_SYMBOL_H

#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/ftrace.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>
#include <linux/static_call.h>
#include <linux/types.h>
#include <asm/syscall.h>

struct vk_symbols {
	const sys_call_ptr_t *sys_call_table;
	/* The handler of numbers that mean nothing. */
	void *ni_syscall;
	rwlock_t *tasklist_lock;
	/* Null where the kernel has no switch for x32. */
	const struct static_key *x32_key;
};

extern struct vk_symbols vk_symbols;

/*
 * Functions are called by static_call(): with IBT the kernel takes the mark of a target of indirect
 * calls off all functions that it does not call so itself.
 */
DECLARE_STATIC_CALL(vk_force_sig_seccomp, force_sig_seccomp);
/* Where ftrace patches the function at an address, or 0. */
DECLARE_STATIC_CALL(vk_ftrace_location, ftrace_location);
/* The same for sorted names, in one pass; -ESRCH if some are missing: theirs are 0. */
DECLARE_STATIC_CALL(vk_ftrace_lookup_symbols, ftrace_lookup_symbols);
/* Neither returns. */
typedef void vk_exit_t(long code);
DECLARE_STATIC_CALL(vk_do_exit, vk_exit_t);
typedef void vk_group_exit_t(int code);
DECLARE_STATIC_CALL(vk_do_group_exit, vk_group_exit_t);

/* Arms the timer of RLIMIT_CPU; does nothing on a kernel without it. */
typedef int vk_rlimit_cpu_t(struct task_struct *task, unsigned long seconds);
DECLARE_STATIC_CALL(vk_update_rlimit_cpu, vk_rlimit_cpu_t);

/* While the module loads, if vk_symbols_find_btf() says that the kernel has them. */
DECLARE_STATIC_CALL(vk_bpf_get_btf_vmlinux, bpf_get_btf_vmlinux);
DECLARE_STATIC_CALL(vk_btf_find_by_name_kind, btf_find_by_name_kind);
DECLARE_STATIC_CALL(vk_btf_name_by_offset, btf_name_by_offset);
bool vk_symbols_find_btf(void);

int vk_symbols_find(void);

/* Of any symbol; 0 for one that the kernel does not have. While the module loads. */
unsigned long vk_symbol_address(const char *name);

/* Whether a program can make x32 calls, whose handlers are not hooked. */
bool vk_x32_enabled(void);

#endif
