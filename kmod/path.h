/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The path of a file, as confinements name it, fed to an automaton from the root on. No buffer
 * holds it: the names are read where they lie, and the walk is done again if somebody renamed or
 * mounted meanwhile.
 */
#ifndef _VK_PATH_H
#define _VK_PATH_H

#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/nsproxy.h>
#include <linux/path.h>
#include <linux/sched.h>
#include <linux/seqlock.h>
#include <linux/types.h>

#include <vkernel/dfa.h>

#include "compat/mount.h"

struct vk_confinement;

/* Finds what the kernel does not export of mounts; without it no path can be told. */
void vk_path_find(void);
bool vk_path_available(void);

/*
 * Names and mounts of a path, and its bytes, which are AppArmor's own default. Nobody must keep others
 * from renaming and mounting for long while a path is walked.
 */
#define VK_PATH_MAX 1024
#define VK_PATH_BYTES 8192

/* A path to be matched. */
struct vk_name {
	struct path path; /* whoever asks holds references to both */
	bool dir; /* the path ends with a slash then */
	bool used; /* it may be deleted: not so for programs, links and mounts */
};

/**
 * vk_path_match - where an automaton gets by the bytes of a path
 * @confinement: whose flags say what the path is
 * @dfa: the automaton
 * @state: where it begins; the state behind the path's last byte when 0 is returned
 *
 * Under rcu_read_lock(). Does not sleep.
 *
 * A path that is not of the task's namespace, or that leads out of what was mounted, is that within
 * its file system, if the confinement attaches such paths at all.
 *
 * Return: 0; -EACCES for such a path otherwise; -ENOENT for a deleted file; -ENAMETOOLONG for one
 * of more than VK_PATH_MAX names and mounts, or of more than VK_PATH_BYTES.
 */
int vk_path_match(const struct vk_confinement *confinement, const struct vk_dfa *dfa,
		  const struct vk_name *name, u32 *state);

/* Whether it is a deleted file's, and the confinement does not have it pass for what it was. */
bool vk_path_is_gone(const struct vk_confinement *confinement, const struct vk_name *name);

/*
 * Writes the path for people to read, with a NUL at its end, or as much of it as there is room for.
 * Under rcu_read_lock(). Does not sleep.
 */
void vk_path_print(const struct vk_name *name, char *buffer, size_t size);

/* From a struct vfsmount: members of the struct mount around it, which is private to fs/. */
extern struct vk_mount_layout vk_mount;
extern seqlock_t *vk_mount_lock;

/* Whether the kernel has mounts as the quick ways below know them. */
bool vk_path_is_quick(void);

static inline struct vfsmount *vk_mount_parent(const struct vfsmount *mnt)
{
	/* It points to the struct mount. */
	return READ_ONCE(*(void **)((void *)mnt + vk_mount.parent)) + vk_mount.vfsmount;
}

static inline struct dentry *vk_mount_point(const struct vfsmount *mnt)
{
	return READ_ONCE(*(struct dentry **)((void *)mnt + vk_mount.mountpoint));
}

static inline struct vfsmount *vk_mount_parent_quick(const struct vfsmount *mnt)
{
	return READ_ONCE(*(void **)((void *)mnt + VK_MOUNT_PARENT)) + VK_MOUNT_VFSMOUNT;
}

static inline struct dentry *vk_mount_point_quick(const struct vfsmount *mnt)
{
	return READ_ONCE(*(struct dentry **)((void *)mnt + VK_MOUNT_POINT));
}

static inline void *vk_mount_namespace(const struct vfsmount *mnt)
{
	return READ_ONCE(*(void **)((void *)mnt + vk_mount.namespace));
}

/* Whether a mount is the kernel's own, where no path leads. */
static inline bool vk_path_is_internal(const struct path *path)
{
	return IS_ERR(vk_mount_namespace(path->mnt));
}

/* Whether the file system has paths at all: those of pipes, sockets and the like have none. */
static inline bool vk_path_is_named(const struct dentry *dentry)
{
	return !(dentry->d_sb->s_flags & SB_NOUSER);
}

/* Whether the mount is one of the task's namespace. */
static inline bool vk_mount_is_ours(const struct vfsmount *mnt)
{
	/* None in a task that ends. */
	return current->nsproxy && vk_mount_namespace(mnt) == current->nsproxy->mnt_ns;
}

static inline bool vk_path_is_ours(const struct path *path)
{
	return vk_mount_is_ours(path->mnt);
}

/* Whether the task is the owner of the file at the path. */
bool vk_path_is_owned(const struct path *path, const struct inode *inode);

/* The counts of mounts and renames. One that is odd, since somebody is at it, is held to be over. */
struct vk_path_seq {
	unsigned int mounts, renames;
};

static __always_inline struct vk_path_seq vk_path_begin(void)
{
	return (struct vk_path_seq){
		.mounts = raw_seqcount_begin(&vk_mount_lock->seqcount),
		.renames = raw_seqcount_begin(&rename_lock.seqcount),
	};
}

/* Whether what was read since then was there as one. */
static __always_inline bool vk_path_held(struct vk_path_seq seq)
{
	return !read_seqretry(&rename_lock, seq.renames) &&
	       !read_seqretry(vk_mount_lock, seq.mounts);
}

/* Names and mounts that the quick ways climb over, without preemption. */
#define VK_QUICK_MAX 64

/*
 * The name by which a path of the task's namespace leaves the root, or NULL: the root itself, one
 * that is too long, or not of the namespace. Under RCU, between the two above.
 */
static __always_inline const unsigned char *vk_path_first(const struct vfsmount *mnt,
							  const struct dentry *dentry)
{
	const struct dentry *top = NULL;
	const struct vfsmount *parent;
	u32 left = VK_QUICK_MAX;

	if (!vk_mount_is_ours(mnt))
		return NULL;
	for (;;) {
		/* Out of what was mounted, one is its own parent, and ends it so. */
		while (dentry != mnt->mnt_root) {
			if (!--left)
				return NULL;
			top = dentry;
			dentry = READ_ONCE(dentry->d_parent);
		}
		parent = vk_mount_parent_quick(mnt);
		if (parent == mnt)
			break;
		if (!--left)
			return NULL;
		dentry = vk_mount_point_quick(mnt);
		mnt = parent;
	}
	return top ? READ_ONCE(top->d_name.name) : NULL;
}

/* Names that are remembered on the way up. */
#define VK_TRAIL 32

/*
 * The same as vk_path_match() for what most paths are: short, of the task's namespace, and nobody
 * renames or mounts at this moment. False for one that is not so. Under RCU.
 */
static __always_inline bool vk_path_match_quick(const struct vk_dfa *dfa, const struct path *path,
						bool dir, u32 *state)
{
	/* Written before it is read: to clear it would cost as much as all the rest. */
	const struct dentry *steps[VK_TRAIL] __attribute__((uninitialized));
	const struct dentry *dentry = path->dentry;
	const struct vfsmount *mnt = path->mnt, *parent;
	struct vk_path_seq seq = vk_path_begin();
	unsigned int count = 0, mounts = 0;

	if (!vk_path_is_ours(path))
		return false;
	for (;;) {
		if (dentry != mnt->mnt_root) {
			/* Out of what was mounted, it is its own parent, and fills the trail. */
			if (count == VK_TRAIL)
				return false;
			steps[count++] = dentry;
			dentry = READ_ONCE(dentry->d_parent);
			continue;
		}
		parent = vk_mount_parent_quick(mnt);
		if (parent == mnt)
			break;
		if (++mounts == VK_QUICK_MAX)
			return false;
		dentry = vk_mount_point_quick(mnt);
		mnt = parent;
	}
	dir |= !count;
	while (count--)
		if (!vk_dfa_step(dfa, state, '/') ||
		    !vk_dfa_run(dfa, state, READ_ONCE(steps[count]->d_name.name)))
			goto settled;
	if (dir)
		vk_dfa_step(dfa, state, '/');
settled:
	return vk_path_held(seq);
}

#endif
