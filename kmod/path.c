// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/magic.h>
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
	int err; /* 0 at the root, or at the limit */
	const struct dentry *steps[VK_TRAIL]; /* a ring */
};

/* What is climbed. */
struct vk_way_up {
	const struct vk_name *name;
	const struct path *root; /* where it ends, or NULL: at the top */
	bool raw; /* within the file system, whatever is mounted where */
	bool ours; /* -EACCES for what is not, or no longer, mounted in the task's namespace */
};

static bool vk_is_root(const struct vk_way_up *way, const struct dentry *dentry,
		       const struct vfsmount *mnt)
{
	return dentry == way->root->dentry && mnt == way->root->mnt;
}

/* The next mount up, in the place of its root; false at the end of the way. */
static bool vk_cross(const struct vk_way_up *way, const struct dentry **dentry,
		     const struct vfsmount **mnt)
{
	const struct vfsmount *parent = vk_mount_parent(*mnt);

	if (way->root && vk_is_root(way, *dentry, *mnt))
		return false;
	if (parent == *mnt)
		return false;
	*dentry = vk_mount_point(*mnt);
	*mnt = parent;
	return true;
}

/*
 * Climbs until the end, or @limit steps. Dentries and mounts are freed by RCU; what is read of them
 * while they move is found out by the sequence counts.
 */
static void vk_climb(const struct vk_way_up *way, u32 limit, struct vk_trail *trail)
{
	const struct dentry *dentry = way->name->path.dentry;
	const struct vfsmount *mnt = way->name->path.mnt;
	u32 mounts = 0, bytes = 0;

	trail->count = 0;
	trail->err = 0;
	while (trail->count < limit) {
		if (!way->raw && dentry == mnt->mnt_root) {
			if (!vk_cross(way, &dentry, &mnt)) {
				/* A chroot that is not on the way is one that the task is out of. */
				if (way->root && !vk_is_root(way, dentry, mnt))
					trail->err = -EACCES;
				return;
			}
			if (++mounts + trail->count > VK_PATH_MAX)
				break;
			continue;
		}
		if (way->root && vk_is_root(way, dentry, mnt))
			return;
		if (IS_ROOT(dentry)) {
			/* Out of what was mounted, by a rename beneath a bind mount. */
			trail->err = way->raw ? 0 : -EACCES;
			return;
		}
		trail->steps[trail->count++ % VK_TRAIL] = dentry;
		bytes += READ_ONCE(dentry->d_name.len) + 1;
		dentry = READ_ONCE(dentry->d_parent);
		if (trail->count + mounts > VK_PATH_MAX || bytes > VK_PATH_BYTES)
			break;
	}
	if (trail->count < limit || limit > VK_PATH_MAX)
		trail->err = -ENAMETOOLONG;
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

/* Once: what it gives is true if nobody renamed or mounted meanwhile. */
static int vk_walk_once(const struct vk_way_up *way, struct vk_sink *sink)
{
	struct vk_trail trail __attribute__((uninitialized));
	bool more;
	u32 steps;
	int err;

	/* Not before: what is detached after a look at it would look like a root. */
	if (way->ours && !vk_path_is_ours(&way->name->path))
		return -EACCES;
	vk_climb(way, U32_MAX, &trail);
	err = trail.err;
	steps = trail.count;
	if (err)
		return err;
	more = vk_feed_trail(sink, &trail);
	while (more && steps > VK_TRAIL) {
		steps -= VK_TRAIL;
		vk_climb(way, steps, &trail);
		/* Fewer, if the way is another one by now: the counts will tell. */
		if (trail.count < steps)
			break;
		more = vk_feed_trail(sink, &trail);
	}
	/* The root is a slash, and nothing but. */
	if (more)
		vk_feed_end(sink, way->name->dir || !trail.count);
	return 0;
}

/* While nobody can. */
static noinline int vk_walk_locked(const struct vk_way_up *way, struct vk_sink *sink)
{
	int err;

	read_seqlock_excl(vk_mount_lock);
	read_seqlock_excl(&rename_lock);
	err = vk_walk_once(way, sink);
	read_sequnlock_excl(&rename_lock);
	read_sequnlock_excl(vk_mount_lock);
	return err;
}

static int vk_walk(const struct vk_way_up *way, struct vk_sink *sink)
{
	const struct vk_sink fresh = *sink;
	unsigned int mounts = read_seqbegin(vk_mount_lock);
	unsigned int renames = read_seqbegin(&rename_lock);
	int err = vk_walk_once(way, sink);

	if (likely(!read_seqretry(&rename_lock, renames) &&
		   !read_seqretry(vk_mount_lock, mounts)))
		return err;
	*sink = fresh;
	return vk_walk_locked(way, sink);
}

/*
 * Where containers have file systems whose paths their configuration masks: an unmount that leaves
 * them behind in somebody's working directory must not take the masks away.
 */
static const char *vk_usual_place(const struct super_block *sb)
{
	switch (sb->s_magic) {
	case PROC_SUPER_MAGIC:
		return "/proc";
	case SYSFS_MAGIC:
		return "/sys";
	default:
		return "";
	}
}

/* Of what does not lead to the root: within its file system, as far as it is to be attached. */
static int vk_walk_disconnected(const struct vk_confinement *confinement,
				const struct vk_name *name, struct vk_sink *sink)
{
	const struct vk_way_up raw = { .name = name, .raw = true };

	if (!(confinement->flags & VK_CONFINE_ATTACH_DISCONNECTED))
		return -EACCES;
	if (confinement->flags & VK_CONFINE_MASKS)
		sink->state = vk_dfa_match_string(sink->dfa, sink->state,
						  vk_usual_place(name->path.dentry->d_sb));
	return vk_walk(&raw, sink);
}

static int vk_walk_connected(const struct vk_confinement *confinement,
			     const struct vk_name *name, struct vk_sink *sink)
{
	struct vk_way_up way = { .name = name, .ours = true };
	struct path root;

	if (confinement->flags & VK_CONFINE_CHROOT_RELATIVE) {
		if (!vk_task_root(&root))
			return -EACCES;
		way.root = &root;
	}
	return vk_walk(&way, sink);
}

/* A name that the kernel makes while it creates a file is no deleted file's. */
bool vk_path_is_gone(const struct vk_confinement *confinement, const struct vk_name *name)
{
	return !name->used && !(confinement->flags & VK_CONFINE_MEDIATE_DELETED) &&
	       d_unlinked(name->path.dentry) && d_is_positive(name->path.dentry);
}

int vk_path_match(const struct vk_confinement *confinement, const struct vk_dfa *dfa,
		  const struct vk_name *name, u32 *state)
{
	struct vk_sink sink = { .dfa = dfa, .state = *state };
	int err;

	if (vk_path_is_gone(confinement, name))
		return -ENOENT;
	err = vk_walk_connected(confinement, name, &sink);
	if (err == -EACCES) {
		sink.state = *state;
		err = vk_walk_disconnected(confinement, name, &sink);
	}
	if (!err)
		*state = sink.state;
	return err;
}

void vk_path_print(const struct vk_name *name, char *buffer, size_t size)
{
	const struct vk_way_up way = { .name = name, .ours = true };
	const struct vk_way_up raw = { .name = name, .raw = true };
	struct vk_sink sink = { .buffer = buffer, .room = size };

	if (vk_walk(&way, &sink)) {
		sink = (struct vk_sink){ .buffer = buffer, .room = size };
		vk_walk(&raw, &sink);
	}
	*sink.buffer = '\0';
}
