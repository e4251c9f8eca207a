/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "vkerneld/build/tree.h"

#define DEPTH_MAX 32

static void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}
#define _cleanup_closedir_ _cleanup_(closedirp)

typedef struct Names {
	struct dirent **entries;
	int n;
} Names;

static void names_done(Names *names)
{
	for (int i = 0; i < names->n; i++)
		free(names->entries[i]);
	free(names->entries);
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && strcmp(name + n - m, suffix) == 0;
}

/* What a build leaves in the tree of a developer is no source. */
static bool is_source(const char *name)
{
	return strcmp(name, "Kbuild") == 0 || has_suffix(name, ".S") || has_suffix(name, ".h") ||
	       (has_suffix(name, ".c") && !has_suffix(name, ".mod.c"));
}

static int visible(const struct dirent *e)
{
	return e->d_name[0] != '.' && strcmp(e->d_name, "offsets.h") != 0;
}

/* By byte value, not by locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int join(const char *dir, const char *name, char **ret)
{
	return asprintf(ret, "%s/%s", dir, name) < 0 ? -ENOMEM : 0;
}

int fd_copy(int from, int to, Hash *h)
{
	char buffer[16384];

	for (;;) {
		ssize_t n = read(from, buffer, sizeof(buffer));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		if (h)
			hash_add(h, buffer, (size_t)n);
		for (ssize_t done = 0; done < n;) {
			ssize_t w = write(to, buffer + done, (size_t)(n - done));

			if (w < 0 && errno != EINTR)
				return -errno;
			if (w > 0)
				done += w;
		}
	}
}

int file_copy(const char *from, const char *to)
{
	_cleanup_close_ int in = -EBADF, out = -EBADF;

	in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return -errno;
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (out < 0)
		return -errno;
	return fd_copy(in, out, NULL);
}

typedef int (*FileFunc)(const char *path, const char *relative, void *userdata);

/* Folders are told to enter (if it is not NULL), files to file; relative names begin with a slash.
 */
typedef struct Walk {
	FileFunc enter, file;
	void *userdata;
	size_t root; /* length of its path */
} Walk;

static int walk(const Walk *w, const char *dir, int depth);

static int walk_entry(const Walk *w, const char *dir, const char *name, int depth)
{
	_cleanup_free_ char *path = NULL;
	struct stat st;
	int r;

	r = join(dir, name, &path);
	if (r < 0)
		return r;
	if (lstat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return walk(w, path, depth + 1);
	if (!S_ISREG(st.st_mode) || !is_source(name))
		return 0;
	return w->file(path, path + w->root, w->userdata);
}

static int walk(const Walk *w, const char *dir, int depth)
{
	_cleanup_(names_done) Names names = {};
	int r = 0;

	if (depth > DEPTH_MAX)
		return -ELOOP;
	names.n = scandir(dir, &names.entries, visible, by_name);
	if (names.n < 0) {
		names.n = 0;
		return -errno;
	}
	if (w->enter)
		r = w->enter(dir, dir + w->root, w->userdata);
	for (int i = 0; r >= 0 && i < names.n; i++)
		r = walk_entry(w, dir, names.entries[i]->d_name, depth);
	return r;
}

static int hash_file(const char *path, const char *relative, void *userdata)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char content[HASH_HEX_SIZE];
	Hash one;
	int r;

	if (fd < 0)
		return -errno;
	hash_init(&one);
	r = hash_add_fd(&one, fd);
	if (r < 0)
		return r;
	hash_end(&one, content);
	hash_add_string(userdata, "file", relative);
	hash_add_string(userdata, "content", content);
	return 0;
}

int tree_hash(const char *path, Hash *h)
{
	return walk(&(Walk){ .file = hash_file, .userdata = h, .root = strlen(path) }, path, 0);
}

static int copy_folder(const char *path, const char *relative, void *userdata)
{
	_cleanup_free_ char *to = NULL;

	if (asprintf(&to, "%s%s", (const char *)userdata, relative) < 0)
		return -ENOMEM;
	return mkdir(to, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static int copy_file(const char *path, const char *relative, void *userdata)
{
	_cleanup_free_ char *to = NULL;

	if (asprintf(&to, "%s%s", (const char *)userdata, relative) < 0)
		return -ENOMEM;
	return file_copy(path, to);
}

int tree_copy(const char *from, const char *to)
{
	const Walk w = {
		.enter = copy_folder,
		.file = copy_file,
		.userdata = (void *)to,
		.root = strlen(from),
	};

	return walk(&w, from, 0);
}

static int open_folder(int at, const char *name, DIR **ret)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret = fdopendir(fd);
	if (!*ret) {
		close(fd);
		return -ENOMEM;
	}
	return 0;
}

/* Calls func for each entry of a folder; what is in it must not be trusted. */
typedef int (*EntryFunc)(int at, const char *name, void *userdata, int depth);

static int each_entry(int at, const char *name, EntryFunc func, void *userdata, int depth)
{
	_cleanup_closedir_ DIR *d = NULL;
	struct dirent *e;
	int r;

	if (depth > DEPTH_MAX)
		return -ELOOP;
	r = open_folder(at, name, &d);
	while (r >= 0 && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = func(dirfd(d), e->d_name, userdata, depth + 1);
	return r;
}

typedef struct Owner {
	uid_t uid;
	gid_t gid;
} Owner;

static int chown_entry(int at, const char *name, void *userdata, int depth)
{
	const Owner *owner = userdata;
	int r;

	r = each_entry(at, name, chown_entry, userdata, depth);
	if (r < 0 && r != -ENOTDIR && r != -ELOOP)
		return r;
	return fchownat(at, name, owner->uid, owner->gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int tree_chown(const char *path, uid_t uid, gid_t gid)
{
	return chown_entry(AT_FDCWD, path, &(Owner){ uid, gid }, 0);
}

static int remove_entry(int at, const char *name, void *userdata, int depth)
{
	int r;

	if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	r = each_entry(at, name, remove_entry, NULL, depth);
	if (r < 0)
		return r;
	return unlinkat(at, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int tree_remove(const char *path)
{
	return remove_entry(AT_FDCWD, path, NULL, 0);
}

int tree_empty(const char *path)
{
	return each_entry(AT_FDCWD, path, remove_entry, NULL, 0);
}
