// SPDX-License-Identifier: LGPL-2.1-or-later
/* Operations on mounts; confine_run makes each in a namespace that ends with it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "confine.h"

static unsigned long mount_flags(const char *names)
{
	static const struct {
		const char *name;
		unsigned long flag;
	} table[] = {
		{ "ro", MS_RDONLY }, { "nosuid", MS_NOSUID }, { "nodev", MS_NODEV },
		{ "noexec", MS_NOEXEC }, { "bind", MS_BIND }, { "rec", MS_REC },
		{ "noatime", MS_NOATIME }, { "sync", MS_SYNCHRONOUS }, { "shared", MS_SHARED },
		{ "private", MS_PRIVATE }, { "slave", MS_SLAVE },
		{ "unbindable", MS_UNBINDABLE },
	};
	unsigned long flags = 0;
	char copy[128], *name, *at = NULL;
	size_t i;

	snprintf(copy, sizeof(copy), "%s", names);
	for (name = strtok_r(copy, ",", &at); name; name = strtok_r(NULL, ",", &at))
		for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
			if (strcmp(name, table[i].name) == 0)
				flags |= table[i].flag;
	return flags;
}

/* A word "-" is none. */
static const char *optional(const char *word)
{
	return strcmp(word, "-") == 0 ? NULL : word;
}

static int op_new(char **w)
{
	return outcome(mount(w[0], w[2], w[1], mount_flags(w[3]), optional(w[4])));
}

static int op_bind(char **w)
{
	return outcome(mount(w[0], w[1], NULL, MS_BIND | mount_flags(w[2]), NULL));
}

static int op_move(char **w)
{
	int r = (int)outside("tmpfs %s", w[0]);

	return r < 0 ? r : outcome(mount(w[0], w[1], NULL, MS_MOVE, NULL));
}

static int op_remount(char **w)
{
	int r = (int)outside("tmpfs %s", w[0]);

	if (r < 0)
		return r;
	return outcome(mount("none", w[0], NULL, MS_REMOUNT | mount_flags(w[1]), optional(w[2])));
}

static int op_propagate(char **w)
{
	int r = (int)outside("tmpfs %s", w[0]);

	return r < 0 ? r : outcome(mount("none", w[0], NULL, mount_flags(w[1]), NULL));
}

static int op_umount(char **w)
{
	int r = (int)outside("tmpfs %s", w[0]);

	return r < 0 ? r : outcome(umount2(w[0], strcmp(w[1], "detach") == 0 ? MNT_DETACH : 0));
}

static int move_fd(int fd, const char *where)
{
	return outcome(syscall(SYS_move_mount, fd, "", AT_FDCWD, where, 4 /* its path is empty */));
}

static int op_fsmount(char **w)
{
	int fs = (int)step("fsopen", syscall(SYS_fsopen, w[0], 0)), fd;

	if (fs < 0)
		return fs;
	if (step("fsconfig", syscall(SYS_fsconfig, fs, 6 /* create */, NULL, NULL, 0)) < 0)
		return -errno;
	fd = (int)step("fsmount", syscall(SYS_fsmount, fs, 0, 0));
	return fd < 0 ? fd : move_fd(fd, w[1]);
}

static int op_tree(char **w)
{
	int fd = (int)step("open_tree", syscall(SYS_open_tree, AT_FDCWD, w[0], 1 /* clone */));

	return fd < 0 ? fd : move_fd(fd, w[1]);
}

/* One that is attached elsewhere, by the newer call. */
static int op_move_mount(char **w)
{
	int r = (int)outside("tmpfs %s", w[0]);

	return r < 0 ? r : outcome(syscall(SYS_move_mount, AT_FDCWD, w[0], AT_FDCWD, w[1], 0));
}

static int op_setattr(char **w)
{
	struct {
		unsigned long long set, clear, propagation, userns;
	} attr = { .set = 1 /* ro */ };
	int r = (int)outside("tmpfs %s", w[0]);

	if (r < 0)
		return r;
	return outcome(syscall(SYS_mount_setattr, AT_FDCWD, w[0], 0, &attr, sizeof(attr)));
}

static int op_pivot(char **w)
{
	int r = (int)outside("tmpfs %s", w[0]);

	if (r == 0)
		r = (int)outside("mkdir %s", w[1]);
	return r < 0 ? r : outcome(syscall(SYS_pivot_root, w[0], w[1]));
}

/* What it is to be opened by was another's name before. */
static int op_via_bind(char **w)
{
	int r = (int)outside("bind %s %s", w[1], w[2]);

	return r < 0 ? r : outcome(open(w[3], open_flags(w[0]), 0644));
}

static int op_bind_open(char **w)
{
	int r = (int)step("mount", mount(w[1], w[2], NULL, MS_BIND, NULL));

	return r < 0 ? r : outcome(open(w[3], open_flags(w[0]), 0644));
}

/* A mount that nobody has attached. */
static int op_detached_open(char **w)
{
	int fd = (int)step("open_tree", syscall(SYS_open_tree, AT_FDCWD, w[1], 1 /* clone */));

	return fd < 0 ? fd : outcome(openat(fd, w[2], open_flags(w[0]), 0644));
}

const struct operation mount_operations[] = {
	{ "mount-new", 5, op_new },
	{ "mount-bind", 3, op_bind },
	{ "mount-move", 2, op_move },
	{ "mount-remount", 3, op_remount },
	{ "mount-propagate", 2, op_propagate },
	{ "mount-umount", 2, op_umount },
	{ "mount-fsmount", 2, op_fsmount },
	{ "mount-tree", 2, op_tree },
	{ "mount-move-mount", 2, op_move_mount },
	{ "mount-setattr", 1, op_setattr },
	{ "mount-pivot", 2, op_pivot },
	{ "mount-via-bind", 4, op_via_bind },
	{ "mount-bind-open", 4, op_bind_open },
	{ "mount-detached-open", 3, op_detached_open },
	{},
};
