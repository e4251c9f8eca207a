// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an automaton is given of a mount: the mount point, the source, the file system's type, each
 * set flag as a byte of its number and one, and the data, with a NUL behind each of the first three
 * and one before the last.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/rcupdate.h>
#include <uapi/linux/mount.h>

#include "confine.h"
#include "instance.h"
#include "mount.h"
#include "path.h"
#include "policy.h"

/* The kernel's own, which mount(2) does not pass on. */
#define VK_MS_INTERNAL (MS_KERNMOUNT | MS_NOSEC | MS_ACTIVE | MS_BORN)
#define VK_MS_PROPAGATION (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

struct vk_mounting {
	struct vk_name point;
	const struct path *source; /* or else */
	const char *device; /* or NULL */
	const char *type; /* or NULL */
	unsigned long flags;
	const char *data; /* or NULL: there is none, or it is no text */
};

static struct vk_name vk_mount_name(const struct path *path)
{
	return (struct vk_name){
		.path = *path,
		.dir = d_is_dir(path->dentry),
	};
}

static u32 vk_match_flags(const struct vk_dfa *dfa, u32 state, unsigned long flags)
{
	u32 i;

	for (i = 0; i < 32; i++)
		if (flags >> i & 1)
			state = vk_dfa_next(dfa, state, i + 1);
	return state;
}

static int vk_match_source(const struct vk_confinement *c, const struct vk_dfa *dfa,
			   const struct vk_mounting *m, u32 *state)
{
	if (m->source) {
		const struct vk_name name = vk_mount_name(m->source);

		return vk_path_match(c, dfa, &name, state);
	}
	if (m->device)
		*state = vk_dfa_match_string(dfa, *state, m->device);
	return 0;
}

/* The state that decides; VK_DFA_NOMATCH for none. */
static int vk_match_mount(const struct vk_confinement *c, const struct vk_dfa *dfa,
			  const struct vk_mounting *m, u32 *state)
{
	int err = vk_path_match(c, dfa, &m->point, state);

	if (err)
		return err;
	*state = vk_dfa_next(dfa, *state, 0);
	err = vk_match_source(c, dfa, m, state);
	if (err)
		return err;
	*state = vk_dfa_next(dfa, *state, 0);
	if (m->type)
		*state = vk_dfa_match_string(dfa, *state, m->type);
	*state = vk_match_flags(dfa, vk_dfa_next(dfa, *state, 0), m->flags);
	if (m->data && !(dfa->states[*state].accept & VK_MAY_MOUNT) &&
	    dfa->states[*state].accept & VK_MOUNT_DATA)
		*state = vk_dfa_match_string(dfa, vk_dfa_next(dfa, *state, 0), m->data);
	return 0;
}

/* What the state says of one permission. */
static struct vk_answer vk_mount_answer(const struct vk_dfa *dfa, u32 state, u32 permission)
{
	const struct vk_dfa_state *s = &dfa->states[state];

	return (struct vk_answer){
		.missing = permission & ~s->accept,
		.audited = permission & s->accept2,
		.quiet = s->accept2 >> VK_QUIET_SHIFT & VK_MAY_MASK,
	};
}

static int vk_mount_ask(struct vk_instance *instance, const struct vk_confinement *c,
			const struct vk_mounting *m)
{
	const struct vk_dfa *dfa = vk_confinement_other(c);
	struct vk_name source = m->source ? vk_mount_name(m->source) : (struct vk_name){};
	struct vk_operation operation = {
		.class = VK_CLASS_MOUNT,
		.kind = VKERNEL_OP_MOUNT,
		.requested = VK_MAY_MOUNT,
		.error = -EACCES,
		.name = &m->point,
		.target_name = m->source ? &source : NULL,
		.target = m->device,
	};
	struct vk_answer answer = { .missing = VK_MAY_MOUNT };
	u32 state = vk_class_start(dfa, VK_MATCH_MOUNT);
	int err = state ? vk_match_mount(c, dfa, m, &state) : 0;

	if (err)
		operation.error = err;
	else if (state)
		answer = vk_mount_answer(dfa, state, VK_MAY_MOUNT);
	return vk_confine(instance, c, &operation, &answer);
}

static int vk_mount_check(struct vk_instance *instance, const struct vk_mounting *m)
{
	const struct vk_confinement *c;
	const struct vk_policy *policy;
	int err = 0;

	rcu_read_lock();
	policy = vk_instance_policy(instance);
	vk_for_each_ruling(c, policy, VK_CLASS_MOUNT) {
		err = vk_mount_ask(instance, c, m);
		if (err)
			break;
	}
	rcu_read_unlock();
	return err;
}

/* With a source that is looked up, as the mount itself does right after. */
static int vk_mount_from(struct vk_instance *instance, struct vk_mounting *m, const char *source,
			 unsigned int lookup)
{
	struct path path;
	int err = kern_path(source, LOOKUP_FOLLOW | lookup, &path);

	if (err)
		return err;
	/* A mount that is detached from the namespace comes from nowhere. */
	m->source = m->flags != MS_MOVE || vk_path_is_ours(&path) ? &path : NULL;
	err = vk_mount_check(instance, m);
	path_put(&path);
	return err;
}

static int vk_mount_new(struct vk_instance *instance, struct vk_mounting *m, const char *device,
			const char *type, const char *data)
{
	struct file_system_type *fs = type ? get_fs_type(type) : NULL;
	int fs_flags;

	m->device = device;
	m->type = type;
	if (!type)
		return vk_mount_check(instance, m);
	if (!fs)
		return -ENODEV;
	fs_flags = fs->fs_flags;
	module_put(fs->owner);
	m->data = fs_flags & FS_BINARY_MOUNTDATA ? NULL : data;
	if (!(fs_flags & FS_REQUIRES_DEV))
		return vk_mount_check(instance, m);
	return device && *device ? vk_mount_from(instance, m, device, 0) : -ENOENT;
}

static int vk_mount_again(struct vk_instance *instance, struct vk_mounting *m, const char *data)
{
	if (!(m->point.path.dentry->d_sb->s_type->fs_flags & FS_BINARY_MOUNTDATA))
		m->data = data;
	return vk_mount_check(instance, m);
}

int vk_sb_mount(const char *device, const struct path *path, const char *type,
		unsigned long flags, void *data, struct vk_instance *instance)
{
	struct vk_mounting m = { .point = vk_mount_name(path) };

	/* The kernel refuses it right after, and nothing is to be looked up or loaded for it. */
	if (!ns_capable_noaudit(current_user_ns(), CAP_SYS_ADMIN))
		return 0;
	if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
		flags &= ~MS_MGC_MSK;
	flags &= ~VK_MS_INTERNAL;
	m.flags = flags;
	if (flags & MS_REMOUNT)
		return vk_mount_again(instance, &m, data);
	if (flags & MS_BIND) {
		m.flags = flags & (MS_REC | MS_BIND);
		return device && *device ?
		       vk_mount_from(instance, &m, device, LOOKUP_AUTOMOUNT) : -EINVAL;
	}
	if (flags & VK_MS_PROPAGATION) {
		m.flags = flags & (MS_REC | MS_SILENT | VK_MS_PROPAGATION);
		return vk_mount_check(instance, &m);
	}
	if (flags & MS_MOVE) {
		m.flags = MS_MOVE;
		return device && *device ? vk_mount_from(instance, &m, device, 0) : -EINVAL;
	}
	return vk_mount_new(instance, &m, device, type, data);
}

int vk_move_mount(const struct path *from, const struct path *to, long c, long d, long e,
		  struct vk_instance *instance)
{
	const struct vk_mounting m = {
		.point = vk_mount_name(to),
		.source = vk_path_is_ours(from) ? from : NULL,
		.flags = MS_MOVE,
	};

	return vk_mount_check(instance, &m);
}

/* umount(2), and pivot_root(2) with the old root's place behind a NUL. */
struct vk_unmounting {
	enum vkernel_operation kind;
	u32 permission;
	struct vk_name name, old;
};

static int vk_match_unmount(const struct vk_confinement *c, const struct vk_dfa *dfa,
			    const struct vk_unmounting *u, u32 *state)
{
	int err = vk_path_match(c, dfa, &u->name, state);

	if (err || !u->old.path.dentry)
		return err;
	*state = vk_dfa_next(dfa, *state, 0);
	return vk_path_match(c, dfa, &u->old, state);
}

static int vk_unmount_ask(struct vk_instance *instance, const struct vk_confinement *c,
			  const struct vk_unmounting *u)
{
	const struct vk_dfa *dfa = vk_confinement_other(c);
	struct vk_operation operation = {
		.class = VK_CLASS_MOUNT,
		.kind = u->kind,
		.requested = u->permission,
		.error = -EACCES,
		.name = &u->name,
		.target_name = u->old.path.dentry ? &u->old : NULL,
	};
	struct vk_answer answer = { .missing = u->permission };
	u32 state = vk_class_start(dfa, VK_MATCH_MOUNT);
	int err = state ? vk_match_unmount(c, dfa, u, &state) : 0;

	if (err)
		operation.error = err;
	else if (state)
		answer = vk_mount_answer(dfa, state, u->permission);
	return vk_confine(instance, c, &operation, &answer);
}

static int vk_unmount_check(struct vk_instance *instance, const struct vk_unmounting *u)
{
	const struct vk_confinement *c;
	const struct vk_policy *policy;
	int err = 0;

	rcu_read_lock();
	policy = vk_instance_policy(instance);
	vk_for_each_ruling(c, policy, VK_CLASS_MOUNT) {
		err = vk_unmount_ask(instance, c, u);
		if (err)
			break;
	}
	rcu_read_unlock();
	return err;
}

int vk_sb_umount(struct vfsmount *mnt, int flags, long c, long d, long e,
		 struct vk_instance *instance)
{
	const struct path path = { .mnt = mnt, .dentry = mnt->mnt_root };
	const struct vk_unmounting u = {
		.kind = VKERNEL_OP_UMOUNT,
		.permission = VK_MAY_UMOUNT,
		.name = vk_mount_name(&path),
	};

	return vk_unmount_check(instance, &u);
}

int vk_sb_pivotroot(const struct path *old_path, const struct path *new_path, long c, long d,
		    long e, struct vk_instance *instance)
{
	const struct vk_unmounting u = {
		.kind = VKERNEL_OP_PIVOT_ROOT,
		.permission = VK_MAY_PIVOT_ROOT,
		.name = vk_mount_name(new_path),
		.old = vk_mount_name(old_path),
	};

	return vk_unmount_check(instance, &u);
}
