// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <vkernel/confine.h>
#include <vkernel/verdict.h>

#include "capability.h"
#include "handler.h"
#include "hook.h"
#include "path.h"
#include "policy.h"
#include "syscall.h"

/* Taken for moments: by image modules that come and go, and by each bind. */
static DEFINE_MUTEX(vk_images_mutex);
static LIST_HEAD(vk_images);
static u32 vk_nr_images;
static u64 vk_image_serial;

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
	hooks = count < 0 ? ERR_PTR(count) : vk_hooks_acquire(&vk_syscall_way, addrs, count);
	kvfree(addrs);
	return hooks;
}

static int vk_image_add(struct vk_image *image)
{
	int err = 0;

	mutex_lock(&vk_images_mutex);
	if (vk_image_find(image->policy->digest)) {
		err = -EEXIST;
	} else {
		image->serial = vk_image_serial++;
		list_add_tail(&image->node, &vk_images);
		vk_nr_images++;
	}
	mutex_unlock(&vk_images_mutex);
	return err;
}

/* Slow, so nobody who binds waits for it. */
static int vk_image_hook(struct vk_image *image)
{
	int err;

	image->handlers = vk_hook_restricted(image->policy);
	if (IS_ERR(image->handlers))
		return PTR_ERR(image->handlers);
	image->capability = vk_capability_hook();
	if (IS_ERR(image->capability)) {
		vk_hooks_release(image->handlers);
		return PTR_ERR(image->capability);
	}
	err = vk_security_hook(&image->security, image->mediates);
	if (err) {
		vk_hooks_release(image->capability);
		vk_hooks_release(image->handlers);
	}
	return err;
}

static void vk_image_unhook(struct vk_image *image)
{
	vk_security_unhook(&image->security);
	vk_hooks_release(image->capability);
	vk_hooks_release(image->handlers);
}

static void vk_image_digest_sockets(struct vk_image *image, const struct vk_confinement *c)
{
	u32 family;

	for (family = 0; family < VK_NR_FAMILIES; family++)
		image->sockets[family] &= c->sockets[family] & ~c->sockets_audit[family];
}

/* Of a confinement that asks for reports no signal is plain. */
static void vk_image_digest_signals(struct vk_image *image, const struct vk_confinement *c)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(image->signals); i++)
		image->signals[i] &= c->flags & VK_CONFINE_AUDITS ? 0 :
				     c->own.send[i] & c->own.receive[i];
}

/* Of the only confinement that rules files, if what it says of a path depends on nothing else. */
static void vk_image_digest_files(struct vk_image *image, const struct vk_confinement *c,
				  size_t *count)
{
	const u32 flags = c->flags & (VK_CONFINE_AUDITS | VK_CONFINE_CHROOT_RELATIVE);

	image->file = *count || flags ? NULL : vk_confinement_file(c);
	(*count)++;
}

static void vk_image_digest_first(struct vk_image *image)
{
	const struct vk_dfa *dfa = image->file;
	u32 root = vk_dfa_next(dfa, dfa->start, '/'), byte, state;

	for (byte = 1; byte < ARRAY_SIZE(image->first); byte++) {
		state = vk_dfa_next(dfa, root, byte);
		image->first[byte] = state;
		if (vk_dfa_settled(dfa, state))
			image->plain[byte] = vk_file_allowed(dfa, state, true) &
					     vk_file_allowed(dfa, state, false);
	}
}

static void vk_image_digest(struct vk_image *image)
{
	size_t ruling_files = 0;
	const struct vk_confinement *c;

	image->mediates = image->policy->mediates;
	image->capabilities = U64_MAX;
	memset(image->signals, 0xff, sizeof(image->signals));
	memset(image->sockets, 0xff, sizeof(image->sockets));
	vk_for_each_confinement(c, image->policy) {
		if (c->mediates & VK_CLASS_BIT(VK_CLASS_CAPABILITY))
			image->capabilities &= c->capabilities & ~c->capabilities_audit;
		if (c->mediates & VK_CLASS_BIT(VK_CLASS_FILE))
			vk_image_digest_files(image, c, &ruling_files);
		if (c->mediates & VK_CLASS_BIT(VK_CLASS_SIGNAL))
			vk_image_digest_signals(image, c);
		if (c->mediates & VK_CLASS_BIT(VK_CLASS_NETWORK))
			vk_image_digest_sockets(image, c);
	}
	if (!vk_path_is_quick())
		image->file = NULL;
	if (image->file)
		vk_image_digest_first(image);
}

static int vk_image_open(const struct vk_policy *policy, struct module *owner)
{
	struct vk_image *image = kzalloc(sizeof(*image), GFP_KERNEL);
	int err;

	if (!image)
		return -ENOMEM;
	image->policy = policy;
	image->owner = owner;
	vk_image_digest(image);
	err = vk_image_hook(image);
	if (err)
		goto free;
	err = vk_image_add(image);
	if (err)
		goto unhook;
	return 0;
unhook:
	vk_image_unhook(image);
free:
	kfree(image);
	return err;
}

int vkernel_policy_register(const struct vk_policy *policy, size_t size, struct module *owner)
{
	might_sleep();
	if (size < sizeof(*policy)) {
		pr_err("%s: the policy is cut\n", module_name(owner));
		return -EINVAL;
	}
	if (policy->abi != VK_POLICY_ABI) {
		pr_err("%s: built for policy ABI %u, this core has %u: rebuild it\n",
		       module_name(owner), policy->abi, VK_POLICY_ABI);
		return -EPROTO;
	}
	if (policy->size != size || !vk_confinements_valid(policy) || !vk_policy_valid(policy)) {
		pr_err("%s: the policy is malformed\n", module_name(owner));
		return -EINVAL;
	}
	return vk_image_open(policy, owner);
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
	vk_image_unhook(image);
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

int vk_images_visit(u64 first, int (*visit)(const struct vk_image *image, void *data), void *data)
{
	struct vk_image *image;
	int err = 0;

	mutex_lock(&vk_images_mutex);
	list_for_each_entry(image, &vk_images, node) {
		if (image->serial < first)
			continue;
		err = visit(image, data);
		if (err)
			break;
	}
	mutex_unlock(&vk_images_mutex);
	return err;
}
