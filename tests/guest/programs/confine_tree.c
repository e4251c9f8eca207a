// SPDX-License-Identifier: LGPL-2.1-or-later
#include <fcntl.h>
#include <ftw.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "confine.h"
#include "confine_tree.h"

#define TREE_MAX 1024

struct tree {
	char *lines[TREE_MAX];
	int n;
	bool changed;
	uint64_t fingerprint;
};

/* nftw() has no room for an argument. */
static uint64_t hash;
static struct timespec newest;

struct tree *tree_new(void)
{
	struct tree *tree = calloc(1, sizeof(*tree));

	if (!tree)
		fail("tree");
	tree->changed = true;
	return tree;
}

bool tree_directive(struct tree *tree, const char *line)
{
	tree->changed = true;
	if (strcmp(line, "clear") == 0) {
		while (tree->n > 0)
			free(tree->lines[--tree->n]);
		return true;
	}
	if (tree->n == TREE_MAX)
		return false;
	tree->lines[tree->n] = strdup(line);
	return tree->lines[tree->n++] != NULL;
}

bool tree_changed(const struct tree *tree)
{
	return tree->changed;
}

static bool is_ours(const char *path)
{
	return !*path || strcmp(path, "/") == 0 || strcmp(path, "/confine_ops") == 0 ||
	       strcmp(path, "/proc") == 0 || strncmp(path, "/proc/", 6) == 0;
}

static void add(const void *data, size_t size)
{
	const unsigned char *bytes = data;

	while (size--)
		hash = (hash ^ *bytes++) * 0x100000001b3u;
}

/* Whatever changes a file changes its ctime. */
static int look(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	if (is_ours(path) && path[0] && path[1])
		return 0;
	add(path, strlen(path));
	add(&st->st_ino, sizeof(st->st_ino));
	add(&st->st_ctim, sizeof(st->st_ctim));
	if (st->st_ctim.tv_sec > newest.tv_sec ||
	    (st->st_ctim.tv_sec == newest.tv_sec && st->st_ctim.tv_nsec > newest.tv_nsec))
		newest = st->st_ctim;
	return 0;
}

static uint64_t fingerprint(void)
{
	hash = 0xcbf29ce484222325u;
	if (nftw("/", look, 16, FTW_PHYS | FTW_MOUNT) != 0)
		fail("nftw");
	return hash;
}

/* The clock of files goes in steps. */
static void await_clock(void)
{
	struct timespec now;

	do
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
	while (now.tv_sec < newest.tv_sec ||
	       (now.tv_sec == newest.tv_sec && now.tv_nsec <= newest.tv_nsec));
}

static void make_mutable(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC), flags = 0;

	if (fd < 0)
		return;
	ioctl(fd, FS_IOC_SETFLAGS, &flags);
	close(fd);
}

static int take_away(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	if (is_ours(path))
		return 0;
	if (remove(path) == 0)
		return 0;
	make_mutable(path);
	if (remove(path) < 0)
		fail(path);
	return 0;
}

static void make_parents(const char *path)
{
	char copy[CONFINE_LINE], *at;

	snprintf(copy, sizeof(copy), "%s", path);
	for (at = strchr(copy + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		mkdir(copy, 0755);
		*at = '/';
	}
}

static int make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);

	if (fd < 0)
		return -1;
	if (write(fd, confine_program, confine_program_size) != (ssize_t)confine_program_size)
		fail(path);
	return close(fd);
}

static void make(const char *line)
{
	char copy[CONFINE_LINE], *w[CONFINE_WORDS];
	const char *path;
	int n, r;

	snprintf(copy, sizeof(copy), "%s", line);
	n = split(copy, w);
	if (n < 2) {
		errno = EINVAL;
		fail(line);
	}
	path = strcmp(w[0], "link") == 0 ? w[2] : w[1];
	make_parents(path);
	if (strcmp(w[0], "link") == 0)
		r = symlink(w[1], path);
	else
		r = strcmp(w[0], "dir") == 0 ? mkdir(path, 0755) : make_file(path);
	if (r < 0 && !(errno == EEXIST && strcmp(w[0], "dir") == 0))
		fail(line);
	if (strcmp(w[0], "link") == 0)
		return;
	if ((n > 3 && chown(path, (uid_t)atoi(w[3]), (gid_t)-1) < 0) ||
	    (n > 2 && chmod(path, (mode_t)strtol(w[2], NULL, 8)) < 0))
		fail(line);
}

void tree_restore(struct tree *tree)
{
	int i;

	if (!tree->changed && fingerprint() == tree->fingerprint)
		return;
	if (nftw("/", take_away, 16, FTW_PHYS | FTW_MOUNT | FTW_DEPTH) != 0)
		fail("nftw");
	for (i = 0; i < tree->n; i++)
		make(tree->lines[i]);
	tree->fingerprint = fingerprint();
	tree->changed = false;
	await_clock();
}

void tree_copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	struct stat st;

	if (in < 0 || out < 0 || fstat(in, &st) < 0)
		fail(from);
	while (st.st_size > 0) {
		ssize_t n = sendfile(out, in, NULL, (size_t)st.st_size);

		if (n <= 0)
			fail(to);
		st.st_size -= n;
	}
	close(in);
	close(out);
}
