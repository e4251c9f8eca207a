/* SPDX-License-Identifier: GPL-2.0-only */
/* What the core needs of the kernel and the kernel does not export. */
#ifndef _VK_SYMBOL_H
#define _VK_SYMBOL_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include <asm/syscall.h>

struct vk_symbols {
	const sys_call_ptr_t *sys_call_table;
	/* The handler of numbers that mean nothing. */
	void *ni_syscall;
	rwlock_t *tasklist_lock;
	int (*force_sig_seccomp)(int syscall, int reason, bool force_coredump);
	void (*do_exit)(long code); /* does not return */
	/* Where ftrace patches the function at an address, or 0. */
	unsigned long (*ftrace_location)(unsigned long addr);
	/* The same for sorted names, in one pass; -ESRCH if some are missing: theirs are 0. */
	int (*ftrace_lookup_symbols)(const char **sorted, size_t count, unsigned long *addrs);
	/* Null where the kernel has no switch for x32. */
	const struct static_key *x32_key;
};

extern struct vk_symbols vk_symbols;

int vk_symbols_find(void);

/* Whether a program can make x32 calls, whose handlers are not hooked. */
bool vk_x32_enabled(void);

#endif
