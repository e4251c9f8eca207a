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
	const struct vk_policy *policy;
	struct module *owner;
	struct vk_hook_set *hooks;
	atomic_t instances; /* each holds a reference to the owner */
};

/*
 * The image of a digest with one more instance, for vk_image_put(); -ENOENT if there is none, or
 * if its module is leaving.
 */
struct vk_image *vk_image_get(const u8 *digest);
void vk_image_put(struct vk_image *image);

u32 vk_images_count(void);

/* Calls visit() for every image from the nth on, until it returns non-zero; returns that. */
int vk_images_visit(size_t skip, int (*visit)(const struct vk_image *image, void *data),
		    void *data);

#endif
