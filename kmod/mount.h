/* SPDX-License-Identifier: GPL-2.0-only */
/* Mounts: what is mounted where, by which options. As file.h's, but these may sleep. */
#ifndef _VK_MOUNT_H
#define _VK_MOUNT_H

struct path;
struct vfsmount;
struct vk_instance;

int vk_sb_mount(const char *device, const struct path *path, const char *type,
		unsigned long flags, void *data, struct vk_instance *instance);
int vk_sb_umount(struct vfsmount *mnt, int flags, long, long, long,
		 struct vk_instance *instance);
int vk_sb_pivotroot(const struct path *old_path, const struct path *new_path, long, long, long,
		    struct vk_instance *instance);
int vk_move_mount(const struct path *from, const struct path *to, long, long, long,
		  struct vk_instance *instance);

#endif
