// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/ftrace.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/string.h>

#include <vkernel/confine.h>

#include "file.h"
#include "hook.h"
#include "mount.h"
#include "network.h"
#include "path.h"
#include "rlimit.h"
#include "security.h"
#include "symbol.h"
#include "task.h"

/* A check, and what answers in its place: a function of its arguments, and of the instance. */
struct vk_security {
	const char *symbol;
	u32 classes;
	void *function;
	bool optional; /* newer kernels have it, older ones do without */
	u8 way;
};

enum { VK_WAY_SHARED, VK_WAY_OPEN, VK_WAY_NAME, VK_WAY_SOCKET, VK_WAY_KILL };

#define VK_CHECK_BY(name, class, by)                               \
	{                                                          \
		.symbol = "security_" #name,                       \
		.classes = VK_CLASS_BIT(VK_CLASS_##class),         \
		.function = vk_##name,                             \
		.way = VK_WAY_##by,                                \
	}
#define VK_CHECK(name, class) VK_CHECK_BY(name, class, SHARED)
#define VK_NEWER(name, class)                                      \
	{                                                          \
		.symbol = "security_" #name,                       \
		.classes = VK_CLASS_BIT(VK_CLASS_##class),         \
		.function = vk_##name,                             \
		.optional = true,                                  \
	}

static const struct vk_security vk_security[] __initconst = {
	VK_CHECK_BY(file_open, FILE, OPEN),
	VK_CHECK(file_lock, FILE),
	VK_CHECK(file_receive, FILE),
	VK_CHECK(file_mprotect, FILE),
	VK_CHECK(mmap_file, FILE),
	VK_CHECK(bprm_creds_for_exec, FILE),
	VK_NEWER(file_truncate, FILE),
	VK_CHECK(path_truncate, FILE),
	VK_CHECK(path_chmod, FILE),
	VK_CHECK(path_chown, FILE),
	VK_CHECK_BY(path_mknod, FILE, NAME),
	VK_CHECK_BY(path_mkdir, FILE, NAME),
	VK_CHECK_BY(path_symlink, FILE, NAME),
	VK_CHECK(path_link, FILE),
	VK_CHECK_BY(path_unlink, FILE, NAME),
	VK_CHECK_BY(path_rmdir, FILE, NAME),
	VK_CHECK(path_rename, FILE),
	VK_CHECK_BY(socket_create, NETWORK, SOCKET),
	VK_CHECK(sb_mount, MOUNT),
	VK_CHECK(sb_umount, MOUNT),
	VK_CHECK(sb_pivotroot, MOUNT),
	VK_CHECK(move_mount, MOUNT),
	VK_CHECK_BY(task_kill, SIGNAL, KILL),
	VK_CHECK(ptrace_access_check, PTRACE),
	VK_CHECK(ptrace_traceme, PTRACE),
	VK_CHECK(task_setrlimit, RLIMIT),
};

/* Where ftrace patches each, and what it is for; 0 for one that the kernel does not have. */
static unsigned long vk_security_entries[VK_NR_SECURITY] __ro_after_init;
static u32 vk_security_needed_by[VK_NR_SECURITY] __ro_after_init;
static u8 vk_security_way_of[VK_NR_SECURITY] __ro_after_init;
static u32 vk_classes_available __ro_after_init;

u64 vk_security_factor __ro_after_init;
u32 vk_security_classes[1 << VK_SECURITY_BITS] __ro_after_init;
unsigned long vk_security_functions[1 << VK_SECURITY_BITS] __ro_after_init;
unsigned long vk_security_bodies[VK_NR_SECURITY] __ro_after_init;

static u32 __init vk_slot(unsigned long body, u64 factor)
{
	return body * factor >> VK_SECURITY_SHIFT;
}

static bool __init vk_factor_fits(u64 factor)
{
	static unsigned long taken[BITS_TO_LONGS(1 << VK_SECURITY_BITS)] __initdata;
	size_t i;

	memset(taken, 0, sizeof(taken));
	for (i = 0; i < VK_NR_SECURITY; i++)
		if (vk_security_bodies[i] &&
		    __test_and_set_bit(vk_slot(vk_security_bodies[i], factor), taken))
			return false;
	return true;
}

/* 26 functions in 1,024 slots: two of three factors fit. */
static bool __init vk_find_factor(void)
{
	int tries;

	for (tries = 0; tries < 1000; tries++) {
		vk_security_factor = get_random_u64() | 1;
		if (vk_factor_fits(vk_security_factor))
			return true;
	}
	return false;
}

static void __init vk_find_entries(void)
{
	u32 missing = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vk_security); i++) {
		const struct vk_security *check = &vk_security[i];
		unsigned long addr = vk_symbol_address(check->symbol);
		unsigned long entry = addr ? static_call(vk_ftrace_location)(addr) : 0;

		if (entry) {
			vk_security_entries[i] = entry;
			vk_security_bodies[i] = entry + MCOUNT_INSN_SIZE;
			vk_security_needed_by[i] = check->classes;
			vk_security_way_of[i] = check->way;
		} else if (addr || !check->optional) {
			pr_notice("%s can not be hooked: policies that need it are refused\n",
				  check->symbol);
			missing |= check->classes;
		}
	}
	if (!vk_path_available())
		missing |= VK_CLASS_BIT(VK_CLASS_FILE) | VK_CLASS_BIT(VK_CLASS_MOUNT);
	vk_classes_available = VK_CLASS_ALL & ~missing;
}

void __init vk_security_find(void)
{
	size_t i;

	BUILD_BUG_ON(ARRAY_SIZE(vk_security) > VK_NR_SECURITY);
	vk_find_entries();
	if (!vk_find_factor()) {
		vk_classes_available = 0;
		return;
	}
	for (i = 0; i < ARRAY_SIZE(vk_security); i++) {
		u32 slot = vk_slot(vk_security_bodies[i], vk_security_factor);

		if (!vk_security_bodies[i])
			continue;
		vk_security_classes[slot] = vk_security[i].classes;
		vk_security_functions[slot] = (unsigned long)vk_security[i].function;
	}
}

bool vk_security_available(u32 classes)
{
	return !(classes & ~vk_classes_available);
}

static unsigned long notrace vk_security_detoured(unsigned long addr)
{
	size_t i = 0;

	while (i < VK_NR_SECURITY - 1 && vk_security_entries[i] != addr)
		i++;
	return (unsigned long)vk_security_detours + i * VK_DETOUR_SIZE;
}

static const struct vk_way vk_security_ways[VK_NR_SECURITY_WAYS] = {
	[VK_WAY_SHARED] = { vk_security_trampoline, vk_security_detoured },
	[VK_WAY_OPEN] = { vk_open_trampoline, vk_security_detoured },
	[VK_WAY_NAME] = { vk_name_trampoline, vk_security_detoured },
	[VK_WAY_SOCKET] = { vk_socket_trampoline, vk_security_detoured },
	[VK_WAY_KILL] = { vk_kill_trampoline, vk_security_detoured },
};

static struct vk_hook_set *vk_security_acquire(u8 way, u32 classes)
{
	unsigned long addrs[VK_NR_SECURITY];
	size_t i, count = 0;

	for (i = 0; i < VK_NR_SECURITY; i++)
		if (vk_security_way_of[i] == way && vk_security_needed_by[i] & classes)
			addrs[count++] = vk_security_entries[i];
	return vk_hooks_acquire(&vk_security_ways[way], addrs, count);
}

int vk_security_hook(struct vk_security_hooks *hooks, u32 classes)
{
	u8 way;

	memset(hooks, 0, sizeof(*hooks));
	if (!vk_security_available(classes))
		return -EOPNOTSUPP;
	for (way = 0; way < VK_NR_SECURITY_WAYS; way++) {
		struct vk_hook_set *set = vk_security_acquire(way, classes);

		if (IS_ERR(set)) {
			vk_security_unhook(hooks);
			return PTR_ERR(set);
		}
		hooks->sets[way] = set;
	}
	return 0;
}

void vk_security_unhook(struct vk_security_hooks *hooks)
{
	u8 way;

	for (way = 0; way < VK_NR_SECURITY_WAYS; way++)
		if (hooks->sets[way])
			vk_hooks_release(hooks->sets[way]);
}

size_t vk_security_count(const struct vk_security_hooks *hooks)
{
	size_t count = 0;
	u8 way;

	for (way = 0; way < VK_NR_SECURITY_WAYS; way++)
		count += vk_hook_set_size(hooks->sets[way]);
	return count;
}
