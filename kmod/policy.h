/* SPDX-License-Identifier: GPL-2.0-only */
/* The policies that image modules brought, and what the core worked out of them. */
#ifndef _VK_POLICY_REGISTRY_H
#define _VK_POLICY_REGISTRY_H

#include <linux/list.h>
#include <linux/module.h>

#include <vkernel/confine.h>
#include <vkernel/policy.h>

#include "security.h"

struct vk_hook_set;

/*
 * A registered policy. The first part is constant while it is registered; vk_images_mutex guards
 * the rest but @instances.
 */
struct vk_image {
	const struct vk_policy *policy; /* for the trampoline, as the next one */
	u32 mediates; /* as the policy's */
	/* What all confinements permit, and none asks to report: they are not asked one by one then. */
	const struct vk_dfa *file; /* or NULL */
	/*
	 * By the byte behind the root's slash: what everybody may do to whatever lies there, if no
	 * other byte matters, and the state that the automaton is in. 0 by 0.
	 */
	u8 plain[256];
	u32 first[256];
	u64 capabilities;
	u64 signals[2]; /* within an instance, by number */
	u16 sockets[VK_NR_FAMILIES]; /* types, by bit */

	struct list_head node;
	u64 serial; /* greater than of all that were registered before */
	struct module *owner;
	struct vk_hook_set *handlers; /* hooked for it */
	struct vk_hook_set *capability;
	struct vk_security_hooks security;
	atomic_t instances; /* each holds a reference to the owner */
};

/*
 * The image of a digest with one more instance, for vk_image_put(); -ENOENT if there is none, or
 * if its module is leaving.
 */
struct vk_image *vk_image_get(const u8 *digest);
void vk_image_put(struct vk_image *image);

u32 vk_images_count(void);

/*
 * Calls visit() for every image with a serial of at least @first, in order, until it returns
 * non-zero; returns that.
 */
int vk_images_visit(u64 first, int (*visit)(const struct vk_image *image, void *data), void *data);

#endif
