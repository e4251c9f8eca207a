// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/jump_label.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/printk.h>

#include "symbol.h"

struct vk_symbols vk_symbols __ro_after_init;

DEFINE_STATIC_CALL_NULL(vk_force_sig_seccomp, force_sig_seccomp);
DEFINE_STATIC_CALL_NULL(vk_ftrace_location, ftrace_location);
DEFINE_STATIC_CALL_NULL(vk_ftrace_lookup_symbols, ftrace_lookup_symbols);
DEFINE_STATIC_CALL_NULL(vk_do_exit, vk_exit_t);
DEFINE_STATIC_CALL_NULL(vk_do_group_exit, vk_group_exit_t);
DEFINE_STATIC_CALL_NULL(vk_kallsyms_lookup_name, kallsyms_lookup_name);
DEFINE_STATIC_CALL_NULL(vk_update_rlimit_cpu, vk_rlimit_cpu_t);
DEFINE_STATIC_CALL_NULL(vk_bpf_get_btf_vmlinux, bpf_get_btf_vmlinux);
DEFINE_STATIC_CALL_NULL(vk_btf_find_by_name_kind, btf_find_by_name_kind);
DEFINE_STATIC_CALL_NULL(vk_btf_name_by_offset, btf_name_by_offset);

/* A kprobe can be set by name, and tells the address: the way to the one lookup there is. */
static bool __init vk_find_lookup(void)
{
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };

	if (register_kprobe(&probe))
		return false;
	static_call_update(vk_kallsyms_lookup_name, (typeof(kallsyms_lookup_name) *)probe.addr);
	unregister_kprobe(&probe);
	return true;
}

unsigned long __init vk_symbol_address(const char *name)
{
	return static_call(vk_kallsyms_lookup_name)(name);
}

static void *__init vk_find(const char *name, int *err)
{
	void *addr = (void *)vk_symbol_address(name);

	if (!addr) {
		pr_err("the kernel has no symbol %s, which is required\n", name);
		*err = -EOPNOTSUPP;
	}
	return addr;
}

static int __init vk_find_data(void)
{
	int err = 0;

	vk_symbols.sys_call_table = vk_find("sys_call_table", &err);
	vk_symbols.ni_syscall = vk_find("__x64_sys_ni_syscall", &err);
	vk_symbols.tasklist_lock = vk_find("tasklist_lock", &err);
	vk_symbols.x32_key = (void *)vk_symbol_address("x32_enabled_skey");
	return err;
}

static int __init vk_find_functions(void)
{
	int err = 0;
	typeof(force_sig_seccomp) *force_sig = vk_find("force_sig_seccomp", &err);
	typeof(ftrace_location) *location = vk_find("ftrace_location", &err);
	typeof(ftrace_lookup_symbols) *lookup = vk_find("ftrace_lookup_symbols", &err);
	vk_exit_t *exit = vk_find("do_exit", &err);
	vk_group_exit_t *group_exit = vk_find("do_group_exit", &err);

	vk_rlimit_cpu_t *rlimit_cpu = (void *)vk_symbol_address("update_rlimit_cpu");

	if (err)
		return err;
	if (rlimit_cpu)
		static_call_update(vk_update_rlimit_cpu, rlimit_cpu);
	static_call_update(vk_force_sig_seccomp, force_sig);
	static_call_update(vk_ftrace_location, location);
	static_call_update(vk_ftrace_lookup_symbols, lookup);
	static_call_update(vk_do_exit, exit);
	static_call_update(vk_do_group_exit, group_exit);
	return 0;
}

bool __init vk_symbols_find_btf(void)
{
	typeof(bpf_get_btf_vmlinux) *get = (void *)vk_symbol_address("bpf_get_btf_vmlinux");
	typeof(btf_find_by_name_kind) *find = (void *)vk_symbol_address("btf_find_by_name_kind");
	typeof(btf_name_by_offset) *name = (void *)vk_symbol_address("btf_name_by_offset");

	if (!get || !find || !name)
		return false;
	static_call_update(vk_bpf_get_btf_vmlinux, get);
	static_call_update(vk_btf_find_by_name_kind, find);
	static_call_update(vk_btf_name_by_offset, name);
	return true;
}

int __init vk_symbols_find(void)
{
	if (!vk_find_lookup()) {
		pr_err("no kprobe on kallsyms_lookup_name: CONFIG_KPROBES and CONFIG_KALLSYMS are needed\n");
		return -EOPNOTSUPP;
	}
	return vk_find_data() ?: vk_find_functions();
}

bool vk_x32_enabled(void)
{
	if (!IS_ENABLED(CONFIG_X86_X32_ABI))
		return false;
	return !vk_symbols.x32_key || static_key_count((struct static_key *)vk_symbols.x32_key);
}
