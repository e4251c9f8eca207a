// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hard links: a rule permits a pair, the link's path and its target's. Some pairs only if by the
 * link no more may be done than by the target.
 */
#include <linux/cred.h>
#include <linux/fs.h>

#include "confine.h"
#include "file.h"
#include "instance.h"
#include "path.h"
#include "policy.h"

struct vk_link {
	struct vk_name link, target;
	bool owner; /* of the target */
};

static u32 vk_link_allowed(const struct vk_dfa *dfa, const struct vk_link *link, u32 state)
{
	return vk_file_allowed(dfa, state, link->owner);
}

/* Rights to the link that the target does not give. */
static int vk_link_excess(const struct vk_confinement *c, const struct vk_dfa *dfa,
			  const struct vk_link *link, u32 by_link, u32 *excess)
{
	u32 state = dfa->start;
	int err = vk_path_match(c, dfa, &link->target, &state);

	if (!err)
		*excess = by_link & ~VK_MAY_LINK & ~vk_link_allowed(dfa, link, state);
	return err;
}

/* Whether the target is one that the container's configuration masks, or has read-only. */
static int vk_link_kept(const struct vk_confinement *c, const struct vk_dfa *dfa,
			const struct vk_link *link, bool *kept)
{
	u32 state = dfa->start;
	int err;

	*kept = false;
	if (!(c->flags & VK_CONFINE_MASKS))
		return 0;
	err = vk_path_match(c, dfa, &link->target, &state);
	*kept = vk_file_kept(dfa, state);
	return err;
}

static int vk_link_decide(const struct vk_confinement *c, const struct vk_link *link,
			  struct vk_answer *answer)
{
	const struct vk_dfa *dfa = vk_confinement_file(c);
	u32 state, by_link, by_pair, excess = 0;
	bool kept;
	int err;

	if (!dfa)
		return 0;
	state = dfa->start;
	err = vk_path_match(c, dfa, &link->link, &state);
	if (err)
		return err;
	by_link = vk_link_allowed(dfa, link, state);
	answer->quiet = vk_file_quiet(dfa, state, link->owner);
	/* Both paths are looked up before any of them is found to be refused. */
	if (!(by_link & VK_MAY_LINK))
		return vk_path_is_gone(c, &link->target) ? -ENOENT : 0;
	state = vk_dfa_next(dfa, state, 0);
	err = vk_path_match(c, dfa, &link->target, &state);
	if (err)
		return err;
	by_pair = vk_link_allowed(dfa, link, state);
	answer->quiet = vk_file_quiet(dfa, state, link->owner);
	answer->audited = vk_file_audited(dfa, state, link->owner) & VK_MAY_LINK;
	if (!(by_pair & VK_MAY_LINK))
		return 0;
	err = vk_link_kept(c, dfa, link, &kept);
	if (err || kept)
		return err;
	if (by_pair & VK_MAY_LINK_SUBSET)
		err = vk_link_excess(c, dfa, link, by_link, &excess);
	answer->missing = excess;
	return err;
}

static int vk_link_ask(struct vk_instance *instance, const struct vk_confinement *c,
		       const struct vk_link *link)
{
	struct vk_operation operation = {
		.class = VK_CLASS_FILE,
		.kind = VKERNEL_OP_LINK,
		.requested = VK_MAY_LINK,
		.error = -EACCES,
		.name = &link->link,
		.target_name = &link->target,
	};
	struct vk_answer answer = { .missing = VK_MAY_LINK };
	int err = vk_link_decide(c, link, &answer);

	if (err) {
		answer.missing = VK_MAY_LINK;
		operation.error = err;
	}
	return vk_confine(instance, c, &operation, &answer);
}

int vk_path_link(struct dentry *old_dentry, const struct path *new_dir,
		 struct dentry *new_dentry, long d, long e, struct vk_instance *instance)
{
	/* Both lie on one mount, or the kernel would not link them. */
	struct vk_link link = {
		.link = { .path = { .mnt = new_dir->mnt, .dentry = new_dentry } },
		.target = { .path = { .mnt = new_dir->mnt, .dentry = old_dentry } },
	};
	const struct vk_confinement *c;
	const struct vk_policy *policy;
	int err = 0;

	if (!vk_path_is_named(old_dentry))
		return 0;
	link.owner = vk_path_is_owned(&link.target.path, d_backing_inode(old_dentry));
	rcu_read_lock();
	policy = vk_instance_policy(instance);
	vk_for_each_ruling(c, policy, VK_CLASS_FILE) {
		err = vk_link_ask(instance, c, &link);
		if (err)
			break;
	}
	rcu_read_unlock();
	return err;
}
