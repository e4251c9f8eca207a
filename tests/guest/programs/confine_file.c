// SPDX-License-Identifier: LGPL-2.1-or-later
/* Operations on files and directories. */
#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "confine.h"
#include "ring.h"

static int open_letters(const char *letters, const char *path)
{
	return open(path, open_flags(letters), 0644);
}

static int op_open(char **w)
{
	return outcome(open_letters(w[0], w[1]));
}

static int reopen_fd(int fd, const char *letters)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return outcome(open_letters(letters, path));
}

static int op_reopen(char **w)
{
	int fd = (int)step("path", open(w[1], O_PATH));

	return fd < 0 ? fd : reopen_fd(fd, w[0]);
}

static int op_openat(char **w)
{
	int fd = (int)step("path", open(w[1], O_PATH | O_DIRECTORY));

	return fd < 0 ? fd : outcome(openat(fd, w[2], open_flags(w[0]), 0644));
}

static int op_chdir_open(char **w)
{
	int r = (int)step("chdir", chdir(w[1]));

	return r < 0 ? r : outcome(open_letters(w[0], w[2]));
}

static int op_chroot_open(char **w)
{
	int r = (int)step("chroot", chroot(w[1]));

	if (r == 0)
		r = (int)step("chdir", chdir("/"));
	return r < 0 ? r : outcome(open_letters(w[0], w[2]));
}

/* Into a copy of the mount, which is no namespace's. */
static int enter_detached(const char *path)
{
	int fd = (int)step("open_tree", syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE));

	return fd < 0 ? fd : (int)step("chdir", fchdir(fd));
}

/* Relative to where the task is, which may be out of its new root. */
static int op_chroot_detached(char **w)
{
	int r = enter_detached(w[1]);

	if (r == 0)
		r = (int)step("chroot", chroot(w[2]));
	return r < 0 ? r : outcome(open_letters(w[0], w[3]));
}

static int op_handle(char **w)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u = { .handle.handle_bytes = MAX_HANDLE_SZ };
	char copy[PATH_MAX];
	int id, r = (int)step("handle", name_to_handle_at(AT_FDCWD, w[1], &u.handle, &id, 0));

	if (r < 0)
		return r;
	snprintf(copy, sizeof(copy), "%s", w[1]);
	r = (int)step("chdir", chdir(dirname(copy)));
	return r < 0 ? r : outcome(open_by_handle_at(AT_FDCWD, &u.handle, open_flags(w[0])));
}

static int op_uring(char **w)
{
	struct io_uring_params params;
	struct io_uring_sqe *entry;
	struct ring ring = {};
	long r = ring_setup(0, &params);
	int opened;

	if (r < 0) {
		errno = (int)-r;
		return (int)step("setup", -1);
	}
	ring.fd = (int)r;
	if (!ring_map(&ring, &params))
		return (int)step("map", -1);
	entry = ring_entry(&ring);
	entry->opcode = IORING_OP_OPENAT;
	entry->fd = AT_FDCWD;
	entry->addr = (uintptr_t)w[1];
	entry->open_flags = (unsigned int)open_flags(w[0]);
	entry->len = 0644;
	r = ring_submit(&ring, false);
	if (r < 0)
		return (int)r;
	if (!ring_collect(&ring, &opened))
		return -ETIME;
	return opened < 0 ? opened : 0;
}

static int receive_fd(void)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	long r = step("receive", recvmsg(CONFINE_SOCKET, &message, MSG_DONTWAIT));
	int fd;

	if (r < 0)
		return (int)r;
	if (!CMSG_FIRSTHDR(&message))
		return -EACCES; /* the kernel let it fall */
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

static int op_receive(char **w)
{
	int r = (int)outside("send %s %s", w[0], w[1]);

	if (r == 0)
		r = receive_fd();
	return r < 0 ? r : 0;
}

/* Opened as another saw it, then used here. */
static int op_receive_use(char **w)
{
	int r = (int)outside("send %s %s", w[0], w[1]), fd;
	char byte = 0;

	fd = r < 0 ? r : receive_fd();
	if (fd < 0)
		return fd;
	if (strpbrk(w[0], "wa"))
		return outcome(write(fd, &byte, 1));
	return outcome(read(fd, &byte, 1));
}

static int op_deleted(char **w)
{
	int fd = (int)step("path", open(w[1], O_PATH)), r;

	if (fd < 0)
		return fd;
	r = (int)outside("unlink %s", w[1]);
	return r < 0 ? r : reopen_fd(fd, w[0]);
}

static int op_moved(char **w)
{
	int fd = (int)step("path", open(w[1], O_PATH)), r;

	if (fd < 0)
		return fd;
	r = (int)outside("rename %s %s", w[1], w[2]);
	return r < 0 ? r : reopen_fd(fd, w[0]);
}

static int op_via_link(char **w)
{
	int r = (int)outside("link %s %s", w[1], w[2]);

	return r < 0 ? r : outcome(open_letters(w[0], w[2]));
}

static int op_via_symlink(char **w)
{
	int r = (int)outside("symlink %s %s", w[1], w[2]);

	return r < 0 ? r : outcome(open_letters(w[0], w[2]));
}

static int open_and(char **w, int (*then)(int fd, char **w))
{
	int fd = (int)step("open", open_letters(w[0], w[1]));

	return fd < 0 ? fd : then(fd, w + 2);
}

static int do_flock(int fd, char **w)
{
	return outcome(flock(fd, (strcmp(w[0], "ex") == 0 ? LOCK_EX : LOCK_SH) | LOCK_NB));
}

static int op_flock(char **w)
{
	return open_and(w, do_flock);
}

static int do_lock(int fd, char **w)
{
	struct flock lock = { .l_type = strcmp(w[0], "w") == 0 ? F_WRLCK : F_RDLCK };

	return outcome(fcntl(fd, F_SETLK, &lock));
}

static int op_lock(char **w)
{
	return open_and(w, do_lock);
}

static int do_lease(int fd, char **w)
{
	return outcome(fcntl(fd, F_SETLEASE, F_RDLCK));
}

static int op_lease(char **w)
{
	return open_and(w, do_lease);
}

static int do_ftruncate(int fd, char **w)
{
	return outcome(ftruncate(fd, 1));
}

static int op_ftruncate(char **w)
{
	return open_and(w, do_ftruncate);
}

static int do_fchmod(int fd, char **w)
{
	return outcome(fchmod(fd, 0751));
}

static int op_fchmod(char **w)
{
	return open_and(w, do_fchmod);
}

static int do_fchown(int fd, char **w)
{
	return outcome(fchown(fd, (uid_t)atoi(w[0]), (gid_t)-1));
}

static int op_fchown(char **w)
{
	return open_and(w, do_fchown);
}

static int do_fstat(int fd, char **w)
{
	struct stat st;

	return outcome(fstat(fd, &st));
}

static int op_fstat(char **w)
{
	return open_and(w, do_fstat);
}

static int do_fsetxattr(int fd, char **w)
{
	return outcome(fsetxattr(fd, w[0], "", 0, 0));
}

static int op_fsetxattr(char **w)
{
	return open_and(w, do_fsetxattr);
}

static int do_fallocate(int fd, char **w)
{
	return outcome(fallocate(fd, 0, 0, 8192));
}

static int op_fallocate(char **w)
{
	return open_and(w, do_fallocate);
}

static int do_immutable(int fd, char **w)
{
	int flags = 0, r = (int)step("get", ioctl(fd, FS_IOC_GETFLAGS, &flags));

	flags |= FS_IMMUTABLE_FL;
	return r < 0 ? r : outcome(ioctl(fd, FS_IOC_SETFLAGS, &flags));
}

static int op_immutable(char **w)
{
	return open_and(w, do_immutable);
}

static int op_unlink(char **w)
{
	return outcome(unlink(w[0]));
}

static int op_mkdir(char **w)
{
	return outcome(mkdir(w[0], 0755));
}

static int op_rmdir(char **w)
{
	return outcome(rmdir(w[0]));
}

static int op_mknod(char **w)
{
	return outcome(mknod(w[0], S_IFREG | 0644, 0));
}

static int op_mkfifo(char **w)
{
	return outcome(mkfifo(w[0], 0644));
}

static int op_mkdev(char **w)
{
	return outcome(mknod(w[0], S_IFCHR | 0666, makedev(1, 3)));
}

static int op_bind_unix(char **w)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = (int)step("socket", socket(AF_UNIX, SOCK_STREAM, 0));

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", w[0]);
	return fd < 0 ? fd : outcome(bind(fd, (void *)&address, sizeof(address)));
}

static int op_symlink(char **w)
{
	return outcome(symlink(w[0], w[1]));
}

static int op_link(char **w)
{
	return outcome(link(w[0], w[1]));
}

static int op_link_fd(char **w)
{
	int fd = (int)step("path", open(w[0], O_PATH));

	return fd < 0 ? fd : outcome(linkat(fd, "", AT_FDCWD, w[1], AT_EMPTY_PATH));
}

/* A nameless file that is given a name. */
static int op_link_tmpfile(char **w)
{
	int fd = (int)step("open", open_letters("wT", w[0]));

	return fd < 0 ? fd : outcome(linkat(fd, "", AT_FDCWD, w[1], AT_EMPTY_PATH));
}

static int op_rename(char **w)
{
	return outcome(rename(w[0], w[1]));
}

static int op_rename_noreplace(char **w)
{
	return outcome(renameat2(AT_FDCWD, w[0], AT_FDCWD, w[1], RENAME_NOREPLACE));
}

static int op_exchange(char **w)
{
	return outcome(renameat2(AT_FDCWD, w[0], AT_FDCWD, w[1], RENAME_EXCHANGE));
}

static int op_truncate(char **w)
{
	return outcome(truncate(w[0], 1));
}

static int op_chmod(char **w)
{
	return outcome(chmod(w[0], 0751));
}

static int op_chown(char **w)
{
	return outcome(chown(w[0], (uid_t)atoi(w[1]), (gid_t)-1));
}

static int op_lchown(char **w)
{
	return outcome(lchown(w[0], (uid_t)atoi(w[1]), (gid_t)-1));
}

static int op_utimes(char **w)
{
	static const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };

	return outcome(utimensat(AT_FDCWD, w[0], times, 0));
}

static int op_setxattr(char **w)
{
	/* The revision that has no root of its own. */
	static const unsigned int capability[5] = { 0x02000000 };
	bool is_capability = strcmp(w[1], "security.capability") == 0;

	return outcome(setxattr(w[0], w[1], capability, is_capability ? sizeof(capability) : 0, 0));
}

static int op_getxattr(char **w)
{
	char value[64];

	return outcome(getxattr(w[0], w[1], value, sizeof(value)));
}

static int op_removexattr(char **w)
{
	return outcome(removexattr(w[0], w[1]));
}

static int op_stat(char **w)
{
	struct stat st;

	return outcome(stat(w[0], &st));
}

static int op_lstat(char **w)
{
	struct stat st;

	return outcome(lstat(w[0], &st));
}

static int op_statfs(char **w)
{
	struct statfs st;

	return outcome(statfs(w[0], &st));
}

static int op_access(char **w)
{
	int mode = (strchr(w[0], 'r') ? R_OK : 0) | (strchr(w[0], 'w') ? W_OK : 0) |
		   (strchr(w[0], 'x') ? X_OK : 0);

	return outcome(syscall(SYS_access, w[1], mode));
}

static int op_readlink(char **w)
{
	char text[PATH_MAX];

	return outcome(readlink(w[0], text, sizeof(text)));
}

static int op_chdir(char **w)
{
	return outcome(chdir(w[0]));
}

static int op_watch(char **w)
{
	int fd = (int)step("init", inotify_init());

	return fd < 0 ? fd : outcome(inotify_add_watch(fd, w[0], IN_ALL_EVENTS));
}

static int op_readdir(char **w)
{
	DIR *dir = opendir(w[0]);
	int n = 0;

	if (!dir)
		return -errno;
	for (errno = 0; readdir(dir);)
		n++;
	remark(n);
	return -errno;
}

const struct operation file_operations[] = {
	{ "open", 2, op_open },
	{ "reopen", 2, op_reopen },
	{ "openat", 3, op_openat },
	{ "chdir-open", 3, op_chdir_open },
	{ "chroot-open", 3, op_chroot_open },
	{ "chroot-detached", 4, op_chroot_detached },
	{ "handle", 2, op_handle },
	{ "uring", 2, op_uring },
	{ "receive", 2, op_receive },
	{ "receive-use", 2, op_receive_use },
	{ "deleted", 2, op_deleted },
	{ "moved", 3, op_moved },
	{ "via-link", 3, op_via_link },
	{ "via-symlink", 3, op_via_symlink },
	{ "flock", 3, op_flock },
	{ "lock", 3, op_lock },
	{ "lease", 2, op_lease },
	{ "ftruncate", 2, op_ftruncate },
	{ "fchmod", 2, op_fchmod },
	{ "fchown", 3, op_fchown },
	{ "fstat", 2, op_fstat },
	{ "fsetxattr", 3, op_fsetxattr },
	{ "fallocate", 2, op_fallocate },
	{ "immutable", 2, op_immutable },
	{ "unlink", 1, op_unlink },
	{ "mkdir", 1, op_mkdir },
	{ "rmdir", 1, op_rmdir },
	{ "mknod", 1, op_mknod },
	{ "mkfifo", 1, op_mkfifo },
	{ "mkdev", 1, op_mkdev },
	{ "bind-unix", 1, op_bind_unix },
	{ "symlink", 2, op_symlink },
	{ "link", 2, op_link },
	{ "link-fd", 2, op_link_fd },
	{ "link-tmpfile", 2, op_link_tmpfile },
	{ "rename", 2, op_rename },
	{ "rename-noreplace", 2, op_rename_noreplace },
	{ "exchange", 2, op_exchange },
	{ "truncate", 1, op_truncate },
	{ "chmod", 1, op_chmod },
	{ "chown", 2, op_chown },
	{ "lchown", 2, op_lchown },
	{ "utimes", 1, op_utimes },
	{ "setxattr", 2, op_setxattr },
	{ "getxattr", 2, op_getxattr },
	{ "removexattr", 2, op_removexattr },
	{ "stat", 1, op_stat },
	{ "lstat", 1, op_lstat },
	{ "statfs", 1, op_statfs },
	{ "access", 2, op_access },
	{ "readlink", 1, op_readlink },
	{ "chdir", 1, op_chdir },
	{ "watch", 1, op_watch },
	{ "readdir", 1, op_readdir },
	{},
};
