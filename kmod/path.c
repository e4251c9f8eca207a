// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/printk.h>
#include <linux/seqlock.h>

#include <vkernel/confine.h>

#include "path.h"
#include "symbol.h"

struct vk_mount_layout vk_mount __ro_after_init;
seqlock_t *vk_mount_lock __ro_after_init;

void __init vk_path_find(void)
{
	vk_mount_lock = (seqlock_t *)vk_symbol_address("mount_lock");
	if (!vk_mount_lock || vk_mount_layout_find(&vk_mount)) {
		vk_mount_lock = NULL;
		pr_notice("the kernel does not tell how mounts are laid out: paths can not be confined\n");
	}
}

bool vk_path_available(void)
{
	return vk_mount_lock;
}

bool vk_path_is_quick(void)
{
	return vk_mount.parent == VK_MOUNT_PARENT && vk_mount.mountpoint == VK_MOUNT_POINT &&
	       vk_mount.vfsmount == VK_MOUNT_VFSMOUNT;
}

bool vk_path_is_owned(const struct path *path, const struct inode *inode)
{
	return uid_eq(vk_inode_owner(path->mnt, inode), current_fsuid());
}

/* The way from a file to the root: the last of so many steps. Longer paths take more climbs. */
struct vk_trail {
	u32 count; /* steps */
	bool arrived; /* at the root */
	const struct dentry *steps[VK_TRAIL]; /* a ring */
};

/*
 * Climbs until the top, the root if one is given, or @limit steps. Dentries and mounts are freed by
 * RCU; what is read of them while they move is found out by the sequence counts.
 */
static void vk_climb(const struct path *path, const struct path *root, u32 limit,
		     struct vk_trail *trail)
{
	const struct dentry *dentry = path->dentry;
	const struct vfsmount *mnt = path->mnt, *parent;

	trail->count = 0;
	trail->arrived = false;
	while (trail->count < limit) {
		if (root && dentry == root->dentry && mnt == root->mnt) {
			trail->arrived = true;
			return;
		}
		if (dentry == mnt->mnt_root) {
			parent = vk_mount_parent(mnt);
			if (parent == mnt) {
				trail->arrived = !root;
				return;
			}
			dentry = vk_mount_point(mnt);
			mnt = parent;
			continue;
		}
		/* Out of what was mounted, by a rename beneath a bind mount. */
		if (IS_ROOT(dentry))
			return;
		trail->steps[trail->count++ % VK_TRAIL] = dentry;
		dentry = READ_ONCE(dentry->d_parent);
	}
	trail->arrived = true;
}

/* What becomes of the bytes of a path. */
struct vk_sink {
	const struct vk_dfa *dfa;
	u32 state;
	char *buffer; /* in the place of an automaton */
	size_t room;
};

static __always_inline void vk_put_byte(struct vk_sink *sink, char c)
{
	if (sink->room > 1) {
		*sink->buffer++ = c;
		sink->room--;
	}
}

/* Names end with a NUL, also while they change. False if what follows does not matter. */
static __always_inline bool vk_feed(struct vk_sink *sink, const struct dentry *dentry)
{
	const unsigned char *name = READ_ONCE(dentry->d_name.name);

	if (sink->buffer) {
		vk_put_byte(sink, '/');
		for (; *name; name++)
			vk_put_byte(sink, *name);
		return sink->room > 1;
	}
	return vk_dfa_step(sink->dfa, &sink->state, '/') &&
	       vk_dfa_run(sink->dfa, &sink->state, name);
}

/* The steps of the trail from the root's end on. */
static __always_inline bool vk_feed_trail(struct vk_sink *sink, const struct vk_trail *trail)
{
	u32 oldest = trail->count > VK_TRAIL ? trail->count - VK_TRAIL : 0, i;

	for (i = trail->count; i-- > oldest;)
		if (!vk_feed(sink, trail->steps[i % VK_TRAIL]))
			return false;
	return true;
}

static __always_inline void vk_feed_end(struct vk_sink *sink, bool slash)
{
	if (!slash)
		return;
	if (sink->buffer)
		vk_put_byte(sink, '/');
	else
		vk_dfa_step(sink->dfa, &sink->state, '/');
}

/* Once: what it gives is true if nobody renamed or mounted meanwhile. Whether it leads to the root. */
static __always_inline bool vk_walk_once(const struct vk_name *name, const struct path *root,
					 struct vk_sink *sink)
{
	struct vk_trail trail;
	bool arrived, more;
	u32 steps;

	vk_climb(&name->path, root, U32_MAX, &trail);
	arrived = trail.arrived;
	steps = trail.count;
	more = vk_feed_trail(sink, &trail);
	while (more && steps > VK_TRAIL) {
		steps -= VK_TRAIL;
		vk_climb(&name->path, root, steps, &trail);
		/* Fewer, if the way is another one by now: the counts will tell. */
		if (trail.count < steps)
			break;
		more = vk_feed_trail(sink, &trail);
	}
	/* The root is a slash, and nothing but. */
	if (more)
		vk_feed_end(sink, name->dir || !trail.count);
	return arrived;
}

/* While nobody can. */
static noinline bool vk_walk_locked(const struct vk_name *name, const struct path *root,
				    struct vk_sink *sink)
{
	bool arrived;

	read_seqlock_excl(vk_mount_lock);
	read_seqlock_excl(&rename_lock);
	arrived = vk_walk_once(name, root, sink);
	read_sequnlock_excl(&rename_lock);
	read_sequnlock_excl(vk_mount_lock);
	return arrived;
}

static __always_inline bool vk_walk(const struct vk_name *name, const struct path *root,
				    struct vk_sink *sink)
{
	const struct vk_sink fresh = *sink;
	unsigned int mounts = read_seqbegin(vk_mount_lock);
	unsigned int renames = read_seqbegin(&rename_lock);
	bool arrived = vk_walk_once(name, root, sink);

	if (likely(!read_seqretry(&rename_lock, renames) &&
		   !read_seqretry(vk_mount_lock, mounts)))
		return arrived;
	*sink = fresh;
	return vk_walk_locked(name, root, sink);
}

/* Of a name that the kernel makes while it creates a file, or of a deleted file's. */
static bool vk_is_deleted(const struct vk_name *name)
{
	return d_unlinked(name->path.dentry) && d_is_positive(name->path.dentry);
}

int vk_path_match(const struct vk_confinement *confinement, const struct vk_dfa *dfa,
		  const struct vk_name *name, u32 *state)
{
	struct vk_sink sink = { .dfa = dfa, .state = *state };
	struct path root;
	bool connected;

	if (confinement->flags & VK_CONFINE_CHROOT_RELATIVE) {
		vk_task_root(&root);
		connected = vk_walk(name, &root, &sink);
	} else {
		connected = vk_walk(name, NULL, &sink) && vk_path_is_ours(&name->path);
	}
	if (!connected && !(confinement->flags & VK_CONFINE_ATTACH_DISCONNECTED))
		return -EACCES;
	if (!name->open && !(confinement->flags & VK_CONFINE_MEDIATE_DELETED) &&
	    vk_is_deleted(name))
		return -ENOENT;
	*state = sink.state;
	return 0;
}

void vk_path_print(const struct vk_name *name, char *buffer, size_t size)
{
	struct vk_sink sink = { .buffer = buffer, .room = size };

	vk_walk(name, NULL, &sink);
	*sink.buffer = '\0';
}
