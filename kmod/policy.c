// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <vkernel/verdict.h>

#include "handler.h"
#include "hook.h"
#include "policy.h"

/* Taken while image modules load and leave, and for each bind; hooks' lock nests inside. */
static DEFINE_MUTEX(vk_images_mutex);
static LIST_HEAD(vk_images);
static u32 vk_nr_images;

static struct vk_image *vk_image_find(const u8 *digest)
{
	struct vk_image *image;

	lockdep_assert_held(&vk_images_mutex);
	list_for_each_entry(image, &vk_images, node)
		if (!memcmp(image->policy->digest, digest, VK_DIGEST_SIZE))
			return image;
	return NULL;
}

static struct vk_hook_set *vk_hook_restricted(const struct vk_policy *policy)
{
	unsigned long *addrs = kvcalloc(VK_MAX_HANDLERS, sizeof(*addrs), GFP_KERNEL);
	struct vk_hook_set *hooks;
	int count;

	if (!addrs)
		return ERR_PTR(-ENOMEM);
	count = vk_handlers_restricted(policy, addrs);
	hooks = count < 0 ? ERR_PTR(count) : vk_hooks_acquire(addrs, count);
	kvfree(addrs);
	return hooks;
}

static int vk_image_add(const struct vk_policy *policy, struct module *owner)
{
	struct vk_image *image;

	lockdep_assert_held(&vk_images_mutex);
	if (vk_image_find(policy->digest))
		return -EEXIST;
	image = kzalloc(sizeof(*image), GFP_KERNEL);
	if (!image)
		return -ENOMEM;
	image->policy = policy;
	image->owner = owner;
	image->hooks = vk_hook_restricted(policy);
	if (IS_ERR(image->hooks)) {
		int err = PTR_ERR(image->hooks);

		kfree(image);
		return err;
	}
	list_add_tail(&image->node, &vk_images);
	vk_nr_images++;
	return 0;
}

int vkernel_policy_register(const struct vk_policy *policy, struct module *owner)
{
	int err;

	might_sleep();
	if (policy->abi != VK_POLICY_ABI) {
		pr_err("%s: built for policy ABI %u, this core has %u: rebuild it\n",
		       module_name(owner), policy->abi, VK_POLICY_ABI);
		return -EPROTO;
	}
	if (!vk_policy_valid(policy)) {
		pr_err("%s: the policy is malformed\n", module_name(owner));
		return -EINVAL;
	}
	mutex_lock(&vk_images_mutex);
	err = vk_image_add(policy, owner);
	mutex_unlock(&vk_images_mutex);
	return err;
}
EXPORT_SYMBOL_GPL(vkernel_policy_register);

void vkernel_policy_unregister(const struct vk_policy *policy)
{
	struct vk_image *image;

	mutex_lock(&vk_images_mutex);
	image = vk_image_find(policy->digest);
	if (!WARN_ON_ONCE(!image)) {
		list_del(&image->node);
		vk_nr_images--;
	}
	mutex_unlock(&vk_images_mutex);
	if (!image)
		return;
	/* Slow, so nobody who binds waits for it. */
	vk_hooks_release(image->hooks);
	kfree(image);
}
EXPORT_SYMBOL_GPL(vkernel_policy_unregister);

struct vk_image *vk_image_get(const u8 *digest)
{
	struct vk_image *image;

	mutex_lock(&vk_images_mutex);
	image = vk_image_find(digest);
	if (image && try_module_get(image->owner))
		atomic_inc(&image->instances);
	else
		image = ERR_PTR(-ENOENT);
	mutex_unlock(&vk_images_mutex);
	return image;
}

/* The reference keeps the image: it leaves with its module only. */
void vk_image_put(struct vk_image *image)
{
	struct module *owner = image->owner;

	atomic_dec(&image->instances);
	module_put(owner);
}

u32 vk_images_count(void)
{
	return READ_ONCE(vk_nr_images);
}

int vk_images_visit(size_t skip, int (*visit)(const struct vk_image *image, void *data),
		    void *data)
{
	struct vk_image *image;
	int err = 0;

	mutex_lock(&vk_images_mutex);
	list_for_each_entry(image, &vk_images, node) {
		if (skip) {
			skip--;
			continue;
		}
		err = visit(image, data);
		if (err)
			break;
	}
	mutex_unlock(&vk_images_mutex);
	return err;
}
