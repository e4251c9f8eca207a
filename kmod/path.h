/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The path of a file, as confinements name it, fed to an automaton from the root on. No buffer
 * holds it: the names are read where they lie, and the walk is done again if somebody renamed or
 * mounted meanwhile.
 */
#ifndef _VK_PATH_H
#define _VK_PATH_H

#include <linux/path.h>
#include <linux/types.h>

struct vk_confinement;
struct vk_dfa;

/* Finds what the kernel does not export of mounts; without it no path can be told. */
void vk_path_find(void);
bool vk_path_available(void);

/* A path to be matched. */
struct vk_name {
	struct path path; /* whoever asks holds references to both */
	bool dir; /* the path ends with a slash then */
	bool open; /* of an open file, which may be deleted */
};

/**
 * vk_path_match - where an automaton gets by the bytes of a path
 * @confinement: whose flags say what the path is
 * @dfa: the automaton
 * @state: where it begins; the state behind the path's last byte when 0 is returned
 *
 * Under rcu_read_lock(). Does not sleep.
 *
 * Return: 0; -EACCES for a path that does not lead to the task's root; -ENOENT for a deleted file.
 */
int vk_path_match(const struct vk_confinement *confinement, const struct vk_dfa *dfa,
		  const struct vk_name *name, u32 *state);

/*
 * Writes the path for people to read, with a NUL at its end, or as much of it as there is room for.
 * Under rcu_read_lock(). Does not sleep.
 */
void vk_path_print(const struct vk_name *name, char *buffer, size_t size);

/* Whether a mount is the kernel's own, where no path leads. */
bool vk_path_is_internal(const struct path *path);

/* Whether the file system has paths at all: those of pipes, sockets and the like have none. */
bool vk_path_is_named(const struct dentry *dentry);

/* Whether the mount is one of the task's namespace. */
bool vk_path_is_ours(const struct path *path);

/* Whether the task is the owner of the file at the path. */
bool vk_path_is_owned(const struct path *path, const struct inode *inode);

#endif
