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

/* Hooks what classes need, for vk_hooks_release(). -EOPNOTSUPP if it is not available. */
struct vk_hook_set *vk_security_hook(u32 classes);

/* trampoline.S; not to be called from C */
asmlinkage void vk_security_trampoline(void);
asmlinkage void vk_security_detours(void);

/* For the trampoline and the detours. */
extern u64 vk_security_factor;
extern u32 vk_security_classes[1 << VK_SECURITY_BITS];
extern unsigned long vk_security_functions[1 << VK_SECURITY_BITS];
extern unsigned long vk_security_bodies[VK_NR_SECURITY];

#endif
