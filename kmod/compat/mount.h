/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel keeps to itself of mounts, and what differs of their owners. */
#ifndef _VK_COMPAT_MOUNT_H
#define _VK_COMPAT_MOUNT_H

#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/mount.h>
#include <linux/version.h>

/* Offsets in bytes; all but the last from the struct vfsmount. */
struct vk_mount_layout {
	long parent, mountpoint, namespace;
	long vfsmount; /* of the struct vfsmount, from the struct mount */
};

/*
 * What the offsets are on all kernels that there are, up to the namespace's. Where a kernel has
 * others, the quick ways of path.h, which know these, are left out.
 */
#define VK_MOUNT_PARENT (-16)
#define VK_MOUNT_POINT (-8)
#define VK_MOUNT_VFSMOUNT 32

/* From the kernel's own description of its types; -EOPNOTSUPP if it has none, or another mount. */
int vk_mount_layout_find(struct vk_mount_layout *layout);

static inline kuid_t vk_inode_owner(struct vfsmount *mnt, const struct inode *inode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	return vfsuid_into_kuid(i_uid_into_vfsuid(mnt_idmap(mnt), inode));
#else
	return vfsuid_into_kuid(i_uid_into_vfsuid(mnt_user_ns(mnt), inode));
#endif
}

/*
 * The task's root, without references: its own, so it stays while the task does not change it, and
 * RCU keeps what another thread of it leaves right now. False if it has none: it ends.
 */
static inline bool vk_task_root(struct path *root)
{
	struct fs_struct *fs = current->fs;

	if (!fs)
		return false;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	read_seqlock_excl(&fs->seq);
	*root = fs->root;
	read_sequnlock_excl(&fs->seq);
#else
	spin_lock(&fs->lock);
	*root = fs->root;
	spin_unlock(&fs->lock);
#endif
	return true;
}

/* The path that a file was opened by, also where another one lies beneath it. */
static inline const struct path *vk_file_path(const struct file *file)
{
#ifdef FMODE_BACKING
	return file_user_path(file);
#else
	return &file->f_path;
#endif
}

/*
 * Whether it is opened to execute it, or what interprets it: the program was asked about. 6.1 has
 * uselib(2), which looks the same but for the task.
 */
static inline bool vk_file_is_executed(const struct file *file)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
	return file->f_flags & __FMODE_EXEC && current->in_execve;
#else
	return file->f_flags & __FMODE_EXEC;
#endif
}

/* Whether a file system opened it beneath another one, for which it acts. */
static inline bool vk_file_is_beneath(const struct file *file)
{
#ifdef FMODE_BACKING
	return file->f_mode & FMODE_BACKING;
#else
	return false;
#endif
}

#endif
