// SPDX-License-Identifier: GPL-2.0-only
/*
 * Native handlers come from sys_call_table, which the kernel keeps for its own tracing. There is no
 * such table for 32-bit calls since 6.9, only the list of names that the kernel is generated from,
 * which its headers carry.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bsearch.h>
#include <linux/ftrace.h>
#include <linux/nospec.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <asm/unistd.h>

#include "compat/compat.h"
#include "handler.h"
#include "symbol.h"

#define __SYSCALL(nr, symbol) [nr] = "__ia32_" #symbol,
#define __SYSCALL_WITH_COMPAT(nr, native, compat) __SYSCALL(nr, compat)
#define __SYSCALL_NORETURN __SYSCALL
#define __SYSCALL_COMPAT_NORETURN(nr, native, compat) __SYSCALL(nr, compat)
static const char *const vk_compat_names[VK_NR_CALLS] = {
#include <asm/syscalls_32.h>
};

/* By number; 0 where the kernel has no function that could be hooked. */
static unsigned long (*vk_handlers)[VK_NR_CALLS + 1];
/* That of numbers that mean nothing. */
static unsigned long vk_no_handler;

static int vk_compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int vk_compare_addrs(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

	return x < y ? -1 : x > y;
}

static size_t __init vk_compat_sorted(const char **names)
{
	size_t i, count = 0, unique = 0;

	for (i = 0; i < VK_NR_CALLS; i++)
		if (vk_compat_names[i])
			names[count++] = vk_compat_names[i];
	sort(names, count, sizeof(*names), vk_compare_names, NULL);
	for (i = 0; i < count; i++)
		if (!unique || strcmp(names[unique - 1], names[i]))
			names[unique++] = names[i];
	return unique;
}

static int __init vk_find_compat(unsigned long *handlers)
{
	const char **names = kcalloc(VK_NR_CALLS, sizeof(*names), GFP_KERNEL), **found;
	unsigned long *addrs = kcalloc(VK_NR_CALLS, sizeof(*addrs), GFP_KERNEL);
	size_t i, count;
	int err = -ENOMEM;

	if (!names || !addrs)
		goto out;
	count = vk_compat_sorted(names);
	err = static_call(vk_ftrace_lookup_symbols)(names, count, addrs);
	if (err && err != -ESRCH)
		goto out;
	err = 0;
	for (i = 0; i < VK_NR_CALLS; i++) {
		if (!vk_compat_names[i] ||
		    !strcmp(vk_compat_names[i], "__ia32_sys_ni_syscall")) {
			handlers[i] = vk_no_handler;
			continue;
		}
		found = bsearch(&vk_compat_names[i], names, count, sizeof(*names),
				vk_compare_names);
		handlers[i] = addrs[found - names];
	}
	handlers[VK_CALL_BEYOND] = vk_no_handler;
out:
	kfree(names);
	kfree(addrs);
	return err;
}

static void __init vk_find_native(unsigned long *handlers)
{
	size_t i;

	for (i = 0; i <= VK_CALL_BEYOND; i++) {
		unsigned long addr = (unsigned long)vk_symbols.ni_syscall;

		if (i < NR_syscalls)
			addr = (unsigned long)vk_symbols.sys_call_table[i];
		handlers[i] = addr == (unsigned long)vk_symbols.ni_syscall ?
			      vk_no_handler : static_call(vk_ftrace_location)(addr);
	}
}

int __init vk_handlers_find(void)
{
	int err;

	BUILD_BUG_ON(NR_syscalls > VK_NR_CALLS || IA32_NR_syscalls > VK_NR_CALLS);
	vk_handlers = kcalloc(VK_NR_TABLES, sizeof(*vk_handlers), GFP_KERNEL);
	if (!vk_handlers)
		return -ENOMEM;
	vk_no_handler = static_call(vk_ftrace_location)((unsigned long)vk_symbols.ni_syscall);
	if (!vk_no_handler)
		vk_no_handler = (unsigned long)vk_symbols.ni_syscall;
	vk_find_native(vk_handlers[VK_TABLE_NATIVE]);
	err = IS_ENABLED(CONFIG_IA32_EMULATION) ? vk_find_compat(vk_handlers[VK_TABLE_COMPAT]) : 0;
	if (err)
		vk_handlers_forget();
	return err;
}

void vk_handlers_forget(void)
{
	kfree(vk_handlers);
}

unsigned long vk_handler_body(enum vk_table table, u32 nr)
{
	unsigned long addr = vk_handlers[table][array_index_nospec(nr, VK_NR_CALLS + 1)];

	return !addr || addr == (unsigned long)vk_symbols.ni_syscall ? 0 : addr + MCOUNT_INSN_SIZE;
}

static int vk_handlers_of_table(const struct vk_policy *policy, enum vk_table table,
				unsigned long *addrs)
{
	/* The dispatcher answers numbers beyond its table itself, and always with ENOSYS. */
	const int dispatched = table == VK_TABLE_NATIVE ? NR_syscalls : IA32_NR_syscalls;
	/* What the kernel answers by itself where there is no handler. */
	const u32 no_such_call = VK_VERDICT(VK_ERRNO, ENOSYS);
	int nr, count = 0;

	for (nr = 0; nr < dispatched; nr++) {
		u32 entry = policy->table[table][nr];

		if (!entry || (vk_handlers[table][nr] == vk_no_handler && entry == no_such_call))
			continue;
		if (table == VK_TABLE_NATIVE && vk_is_call_of_probes(nr))
			continue;
		if (!vk_handlers[table][nr]) {
			pr_err("%s call %d has no handler that could be hooked on this kernel\n",
			       table == VK_TABLE_NATIVE ? "native" : "32-bit", nr);
			return -EOPNOTSUPP;
		}
		addrs[count++] = vk_handlers[table][nr];
	}
	return count;
}

int vk_handlers_restricted(const struct vk_policy *policy, unsigned long *addrs)
{
	int i, count, compat, unique = 0;

	count = vk_handlers_of_table(policy, VK_TABLE_NATIVE, addrs);
	if (count < 0)
		return count;
	if (IS_ENABLED(CONFIG_IA32_EMULATION)) {
		compat = vk_handlers_of_table(policy, VK_TABLE_COMPAT, addrs + count);
		if (compat < 0)
			return compat;
		count += compat;
	}
	sort(addrs, count, sizeof(*addrs), vk_compare_addrs, NULL);
	for (i = 0; i < count; i++)
		if (!unique || addrs[unique - 1] != addrs[i])
			addrs[unique++] = addrs[i];
	return unique;
}
