/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "vkerneld/build/cache.h"
#include "vkerneld/build/tree.h"

static int make_folder(const char *path, mode_t mode)
{
	return mkdir(path, mode) < 0 && errno != EEXIST ? -errno : 0;
}

int cache_prepare(const char *root)
{
	_cleanup_free_ char *tmp = NULL;
	int r;

	if (asprintf(&tmp, "%s/tmp", root) < 0)
		return -ENOMEM;
	r = make_folder(root, 0755);
	/* The user of builds passes through both. */
	if (r >= 0 && chmod(root, 0755) < 0)
		r = -errno;
	if (r >= 0)
		r = make_folder(tmp, 0711);
	if (r >= 0 && chmod(tmp, 0711) < 0)
		r = -errno;
	return r < 0 ? r : tree_empty(tmp);
}

int cache_make_temporary(const char *root, char **ret)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/tmp/XXXXXX", root) < 0)
		return -ENOMEM;
	if (!mkdtemp(path))
		return -errno;
	*ret = TAKE_PTR(path);
	return 0;
}

static int entry_path(const char *root, const char *key, char **ret)
{
	return asprintf(ret, "%s/%.2s/%s", root, key, key) < 0 ? -ENOMEM : 0;
}

int cache_path(const char *root, const char *key, const char *file, char **ret)
{
	return asprintf(ret, "%s/%.2s/%s/%s", root, key, key, file) < 0 ? -ENOMEM : 0;
}

static int check_file(int fd, uid_t uid)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) && st.st_uid == uid && (uint64_t)st.st_size <= CACHE_FILE_MAX
		       ? 0
		       : -ENOEXEC;
}

static int check_elf(int fd)
{
	unsigned char ident[EI_NIDENT];

	if (pread(fd, ident, sizeof(ident), 0) != sizeof(ident) ||
	    memcmp(ident, ELFMAG, SELFMAG) != 0)
		return -ENOEXEC;
	return 0;
}

int cache_take(const char *from, uid_t uid, const char *to, bool module)
{
	_cleanup_close_ int in = -EBADF, out = -EBADF;
	int r;

	in = open(from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (in < 0)
		return errno == ELOOP ? -ENOEXEC : -errno;
	r = check_file(in, uid);
	if (r >= 0 && module)
		r = check_elf(in);
	if (r < 0)
		return r;
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (out < 0)
		return -errno;
	r = fd_copy(in, out, NULL);
	if (r < 0)
		return r;
	return fsync(out) < 0 ? -errno : 0;
}

static int hash_at(int fd, Hash *h, const char *name)
{
	Hash one;
	char hex[HASH_HEX_SIZE];
	int r;

	hash_init(&one);
	r = hash_add_fd(&one, fd);
	if (r < 0)
		return r;
	hash_end(&one, hex);
	hash_add_string(h, name, hex);
	return 0;
}

static int hash_symvers(const char *entry, Hash *h)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -EBADF;

	if (asprintf(&path, "%s/" CACHE_SYMVERS, entry) < 0)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	return hash_at(fd, h, "symvers");
}

static int open_module(const char *entry, const char *module)
{
	_cleanup_free_ char *path = NULL;
	int fd;

	if (asprintf(&path, "%s/%s.ko", entry, module) < 0)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int content_of(const char *entry, int fd, char ret[HASH_HEX_SIZE])
{
	Hash h;
	int r;

	hash_init(&h);
	r = hash_at(fd, &h, "module");
	if (r >= 0)
		r = hash_symvers(entry, &h);
	if (r < 0)
		return r;
	hash_end(&h, ret);
	return 0;
}

int cache_content(const char *entry, const char *module, char ret[HASH_HEX_SIZE])
{
	_cleanup_close_ int fd = open_module(entry, module);

	return fd < 0 ? fd : content_of(entry, fd, ret);
}

/* What a crash may leave must be whole: content first, name after. */
static int sync_folder(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return fsync(fd) < 0 ? -errno : 0;
}

int cache_commit(const char *root, const char *key, const char *temporary)
{
	_cleanup_free_ char *entry = NULL, *folder = NULL;
	int r;

	r = entry_path(root, key, &entry);
	if (r < 0)
		return r;
	folder = strndup(entry, strlen(root) + 3);
	if (!folder)
		return -ENOMEM;
	r = make_folder(folder, 0755);
	if (r >= 0)
		r = sync_folder(temporary);
	if (r >= 0)
		r = tree_remove(entry);
	if (r < 0)
		return r;
	return rename(temporary, entry) < 0 ? -errno : 0;
}

int cache_open(const char *root, const char *key, const char *module, const char *content)
{
	_cleanup_free_ char *entry = NULL;
	_cleanup_close_ int fd = -EBADF;
	char found[HASH_HEX_SIZE];
	int r;

	r = entry_path(root, key, &entry);
	if (r < 0)
		return r;
	fd = open_module(entry, module);
	if (fd < 0)
		return fd;
	r = content_of(entry, fd, found);
	if (r < 0)
		return r;
	return strcmp(found, content) == 0 ? TAKE_FD(fd) : -EBADMSG;
}

int cache_remove(const char *root, const char *key)
{
	_cleanup_free_ char *entry = NULL;
	int r;

	r = entry_path(root, key, &entry);
	if (r >= 0)
		r = tree_remove(entry);
	if (r < 0)
		return r;
	/* The folder above stays while others are in it. */
	*strrchr(entry, '/') = 0;
	(void)rmdir(entry);
	return 0;
}

bool cache_has(const char *root, const char *key, const char *module)
{
	_cleanup_free_ char *entry = NULL, *path = NULL;

	if (entry_path(root, key, &entry) < 0 || asprintf(&path, "%s/%s.ko", entry, module) < 0)
		return false;
	return access(path, F_OK) == 0;
}

static bool is_hex(const char *name, size_t digits)
{
	return strlen(name) == digits && strspn(name, "0123456789abcdef") == digits;
}

static int is_folder_of_keys(const struct dirent *e)
{
	return is_hex(e->d_name, 2);
}

static int is_key(const struct dirent *e)
{
	return is_hex(e->d_name, HASH_HEX_SIZE - 1);
}

/* All names are read before the first is told of. */
static int each(const char *folder, int (*filter)(const struct dirent *), CacheFunc func,
		void *userdata)
{
	struct dirent **entries;
	int n, r = 0;

	n = scandir(folder, &entries, filter, alphasort);
	if (n < 0)
		return errno == ENOTDIR ? 0 : -errno;
	for (int i = 0; i < n; i++) {
		if (r >= 0)
			r = func(entries[i]->d_name, userdata);
		free(entries[i]);
	}
	free(entries);
	return r;
}

typedef struct Walk {
	const char *root;
	CacheFunc func;
	void *userdata;
} Walk;

static int walk_folder(const char *name, void *userdata)
{
	const Walk *w = userdata;
	_cleanup_free_ char *folder = NULL;

	if (asprintf(&folder, "%s/%s", w->root, name) < 0) {
		folder = NULL;
		return -ENOMEM;
	}
	return each(folder, is_key, w->func, w->userdata);
}

int cache_keys(const char *root, CacheFunc func, void *userdata)
{
	Walk w = { .root = root, .func = func, .userdata = userdata };

	return each(root, is_folder_of_keys, walk_folder, &w);
}

int cache_note_compiler(const char *root, const char *version)
{
	_cleanup_free_ char *path = NULL, *fresh = NULL;
	FILE *f;
	int r;

	if (asprintf(&path, "%s/compiler", root) < 0 ||
	    asprintf(&fresh, "%s/tmp/compiler", root) < 0)
		return -ENOMEM;
	f = fopen(fresh, "we");
	if (!f)
		return -errno;
	r = fputs(version, f) < 0 ? -EIO : 0;
	if (fclose(f) != 0 || r < 0)
		return -EIO;
	return rename(fresh, path) < 0 ? -errno : 0;
}

int cache_recall_compiler(const char *root, char **ret)
{
	_cleanup_free_ char *path = NULL, *line = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	size_t size = 0;

	if (asprintf(&path, "%s/compiler", root) < 0)
		return -ENOMEM;
	f = fopen(path, "re");
	if (!f)
		return -errno;
	if (getline(&line, &size, f) <= 0)
		return -ENODATA;
	*ret = TAKE_PTR(line);
	return 0;
}
