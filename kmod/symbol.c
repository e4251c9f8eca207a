// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/jump_label.h>
#include <linux/kprobes.h>
#include <linux/printk.h>

#include "symbol.h"

struct vk_symbols vk_symbols __ro_after_init;

typedef unsigned long (*vk_lookup_t)(const char *name);

/* A kprobe can be set by name, and tells the address: the way to the one lookup there is. */
static vk_lookup_t __init vk_find_lookup(void)
{
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };
	vk_lookup_t lookup;

	if (register_kprobe(&probe))
		return NULL;
	lookup = (vk_lookup_t)probe.addr;
	unregister_kprobe(&probe);
	return lookup;
}

int __init vk_symbols_find(void)
{
	const struct {
		const char *name;
		void **where;
		bool required;
	} wanted[] = {
		{ "sys_call_table", (void **)&vk_symbols.sys_call_table, true },
		{ "__x64_sys_ni_syscall", &vk_symbols.ni_syscall, true },
		{ "tasklist_lock", (void **)&vk_symbols.tasklist_lock, true },
		{ "force_sig_seccomp", (void **)&vk_symbols.force_sig_seccomp, true },
		{ "do_exit", (void **)&vk_symbols.do_exit, true },
		{ "ftrace_location", (void **)&vk_symbols.ftrace_location, true },
		{ "ftrace_lookup_symbols", (void **)&vk_symbols.ftrace_lookup_symbols, true },
		{ "x32_enabled_skey", (void **)&vk_symbols.x32_key, false },
	};
	vk_lookup_t lookup = vk_find_lookup();
	size_t i;

	if (!lookup) {
		pr_err("no kprobe on kallsyms_lookup_name: CONFIG_KPROBES and CONFIG_KALLSYMS are needed\n");
		return -EOPNOTSUPP;
	}
	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		*wanted[i].where = (void *)lookup(wanted[i].name);
		if (!*wanted[i].where && wanted[i].required) {
			pr_err("the kernel has no symbol %s, which is required\n", wanted[i].name);
			return -EOPNOTSUPP;
		}
	}
	return 0;
}

bool vk_x32_enabled(void)
{
	if (!IS_ENABLED(CONFIG_X86_X32_ABI))
		return false;
	return !vk_symbols.x32_key || static_key_count((struct static_key *)vk_symbols.x32_key);
}
