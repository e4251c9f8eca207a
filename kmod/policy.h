/* SPDX-License-Identifier: GPL-2.0-only */
/* The policies that image modules brought. */
#ifndef _VK_POLICY_REGISTRY_H
#define _VK_POLICY_REGISTRY_H

#include <linux/list.h>
#include <linux/module.h>

#include <vkernel/policy.h>

struct vk_hook_set;

/* A registered policy; vk_images_mutex guards all of it but @instances. */
struct vk_image {
	struct list_head node;
	u64 serial; /* greater than of all that were registered before */
	const struct vk_policy *policy;
	struct module *owner;
	struct vk_hook_set *handlers; /* hooked for it */
	struct vk_hook_set *capability;
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
