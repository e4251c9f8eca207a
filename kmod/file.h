/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files: what stands in for the kernel's checks of them. Called by security.c's table, with the
 * arguments of the check and the instance of the task. They do not sleep.
 *
 * Return: 0 to go on with the check, else the error to answer in its place.
 */
#ifndef _VK_FILE_H
#define _VK_FILE_H

#include <linux/fs.h>
#include <linux/linkage.h>
#include <linux/types.h>

struct linux_binprm;
struct vk_instance;
struct vm_area_struct;

/* For the trampolines of opening, and of making and removing names: whether no more is to be asked. */
asmlinkage bool vk_file_is_plain(struct file *file, struct vk_instance *instance);
asmlinkage bool vk_name_is_plain(const struct path *dir, struct dentry *dentry,
				 struct vk_instance *instance);

int vk_file_open(struct file *file, long, long, long, long, struct vk_instance *instance);
int vk_file_lock(struct file *file, unsigned int cmd, long, long, long,
		 struct vk_instance *instance);
int vk_file_receive(struct file *file, long, long, long, long, struct vk_instance *instance);
int vk_file_truncate(struct file *file, long, long, long, long, struct vk_instance *instance);
int vk_file_mprotect(struct vm_area_struct *vma, unsigned long reqprot, unsigned long prot, long,
		     long, struct vk_instance *instance);
int vk_mmap_file(struct file *file, unsigned long prot, unsigned long flags, long, long,
		 struct vk_instance *instance);
int vk_bprm_creds_for_exec(struct linux_binprm *bprm, long, long, long, long,
			   struct vk_instance *instance);

int vk_path_truncate(const struct path *path, long, long, long, long,
		     struct vk_instance *instance);
int vk_path_chmod(const struct path *path, umode_t mode, long, long, long,
		  struct vk_instance *instance);
int vk_path_chown(const struct path *path, kuid_t uid, kgid_t gid, long, long,
		  struct vk_instance *instance);
int vk_path_mknod(const struct path *dir, struct dentry *dentry, umode_t mode, unsigned int dev,
		  long, struct vk_instance *instance);
int vk_path_mkdir(const struct path *dir, struct dentry *dentry, umode_t mode, long, long,
		  struct vk_instance *instance);
int vk_path_symlink(const struct path *dir, struct dentry *dentry, const char *old_name, long,
		    long, struct vk_instance *instance);
int vk_path_link(struct dentry *old_dentry, const struct path *new_dir,
		 struct dentry *new_dentry, long, long, struct vk_instance *instance);
int vk_path_unlink(const struct path *dir, struct dentry *dentry, long, long, long,
		   struct vk_instance *instance);
int vk_path_rmdir(const struct path *dir, struct dentry *dentry, long, long, long,
		  struct vk_instance *instance);
int vk_path_rename(const struct path *old_dir, struct dentry *old_dentry,
		   const struct path *new_dir, struct dentry *new_dentry, unsigned int flags,
		   struct vk_instance *instance);

#endif
