/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's security checks, security_*(), at which confinements are asked: one table of all
 * that are hooked.
 */
#ifndef _VK_SECURITY_H
#define _VK_SECURITY_H

#define VK_NR_SECURITY 29
#define VK_SECURITY_BITS 10 /* of the index of the slots that the trampoline looks in */
#define VK_SECURITY_SHIFT (64 - VK_SECURITY_BITS)
#define VK_DETOUR_SIZE 32

#include <linux/linkage.h>
#include <linux/types.h>

struct vk_hook_set;

/* Finds the checks, and slots for them; without it, nothing can be confined. */
void vk_security_find(void);

/* Whether all that confinements of these classes need can be hooked. */
bool vk_security_available(u32 classes);

/* What one policy hooked: by the trampoline that all share, and by those of frequent checks. */
#define VK_NR_SECURITY_WAYS 5
struct vk_security_hooks {
	struct vk_hook_set *sets[VK_NR_SECURITY_WAYS];
};

/* Hooks what classes need. 0; -EOPNOTSUPP if it is not available; else as vk_hooks_acquire(). */
int vk_security_hook(struct vk_security_hooks *hooks, u32 classes);
void vk_security_unhook(struct vk_security_hooks *hooks);

size_t vk_security_count(const struct vk_security_hooks *hooks);

/* trampoline.S; not to be called from C */
asmlinkage void vk_security_trampoline(void);
asmlinkage void vk_open_trampoline(void);
asmlinkage void vk_name_trampoline(void);
asmlinkage void vk_socket_trampoline(void);
asmlinkage void vk_kill_trampoline(void);
asmlinkage void vk_security_detours(void);

/* For the trampoline and the detours. */
extern u64 vk_security_factor;
extern u32 vk_security_classes[1 << VK_SECURITY_BITS];
extern unsigned long vk_security_functions[1 << VK_SECURITY_BITS];
extern unsigned long vk_security_bodies[VK_NR_SECURITY];

#endif
