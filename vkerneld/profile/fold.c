/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdbool.h>
#include <string.h>

#include "proto/util.h"
#include "vkerneld/profile/mask.h"
#include "vkerneld/profile/product.h"

/* By what these do, masks would no longer be what they are. */
#define KEPT_APART \
	(VK_CONFINE_COMPLAIN | VK_CONFINE_KILL | VK_CONFINE_CHROOT_RELATIVE | VK_CONFINE_MASKS)

static const struct vk_confinement *find(const Policy *p, bool masks)
{
	const struct vk_confinement *c;

	vk_for_each_confinement(c, p)
		if (masks ? c->flags & VK_CONFINE_MASKS
			  : c->mediates & VK_CLASS_BIT(VK_CLASS_FILE) && !(c->flags & KEPT_APART))
			return c;
	return NULL;
}

/* What is reported is the profile's matter. */
static Accepted accept_both(const struct vk_dfa_state *profile, const struct vk_dfa_state *masks)
{
	return (Accepted){ .accept = (profile->accept & masks->accept) |
				     (masks->accept & (VK_FILE_MASKED | VK_FILE_KEPT)),
			   .accept2 = profile->accept2 };
}

static size_t label_size(const struct vk_confinement *c)
{
	return strlen(vk_confinement_label(c)) + 1;
}

/* The confinement with another automaton over files; the parts in the order that it has. */
static int with_file(const struct vk_confinement *c, const struct vk_dfa *file,
		     struct vk_confinement **ret)
{
	const struct vk_dfa *other = vk_confinement_other(c);
	const size_t at_other = sizeof(*c) + vk_dfa_size(file);
	const size_t at_label = at_other + (other ? vk_dfa_size(other) : 0);
	const size_t size = (at_label + label_size(c) + 7) & ~(size_t)7;
	struct vk_confinement *made;

	if (size > VK_POLICY_MAX_SIZE)
		return -E2BIG;
	made = calloc(1, size);
	if (!made)
		return -ENOMEM;
	*made = *c;
	made->size = (uint32_t)size;
	made->flags |= VK_CONFINE_MASKS;
	made->file = sizeof(*made);
	made->other = other ? (uint32_t)at_other : 0;
	made->label = (uint32_t)at_label;
	memcpy((char *)made + made->file, file, vk_dfa_size(file));
	if (other)
		memcpy((char *)made + made->other, other, vk_dfa_size(other));
	memcpy((char *)made + made->label, vk_confinement_label(c), label_size(c));
	*ret = made;
	return 0;
}

/* The policy with @made in the place of @old, and without @masks. */
static int replace(const Policy *p, const struct vk_confinement *old,
		   const struct vk_confinement *masks, const struct vk_confinement *made,
		   Policy **ret)
{
	const size_t head = (size_t)((const char *)vk_confinement_first(p) - (const char *)p);
	_cleanup_free_ Policy *without = malloc(head);
	const struct vk_confinement *c;
	int r = 0;

	if (!without)
		return -ENOMEM;
	memcpy(without, p, head);
	without->size = (uint32_t)head;
	without->mediates = 0;
	without->capabilities = UINT64_MAX;
	vk_for_each_confinement(c, p) {
		if (c == masks)
			continue;
		r = policy_confine(&without, c == old ? made : c);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(without);
	return 0;
}

/* *ret is NULL for one that permits no file, and so has nothing to be hidden. */
static int fold(const struct vk_confinement *profile, const struct vk_confinement *masks,
		struct vk_confinement **ret)
{
	const struct vk_dfa *file = vk_confinement_file(profile);
	_cleanup_free_ struct vk_dfa *both = NULL;
	int r;

	*ret = NULL;
	if (!file)
		return 0;
	r = dfa_product(file, vk_confinement_file(masks), accept_both, &both);
	return r < 0 ? r : with_file(profile, both, ret);
}

int policy_fold_masks(Policy **p)
{
	const struct vk_confinement *masks = find(*p, true), *profile = find(*p, false);
	_cleanup_free_ struct vk_confinement *made = NULL;
	Policy *folded;
	int r;

	if (!masks || !profile)
		return 0;
	r = fold(profile, masks, &made);
	if (r >= 0)
		r = replace(*p, profile, masks, made ? made : profile, &folded);
	/* Then it takes two walks. */
	if (r == -E2BIG)
		return 0;
	if (r < 0)
		return r;
	free(*p);
	*p = folded;
	return 0;
}
