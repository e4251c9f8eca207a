/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <gelf.h>
#include <string.h>

#include "vkerneld/build/cache.h"
#include "vkerneld/build/key.h"
#include "vkerneld/build/prebuilt.h"
#include "vkerneld/build/tree.h"
#include "vkerneld/clock.h"

#define POLICY_SECTION ".vkernel.policy"
#define CORE_DIGEST "core"

static int no_module(Failure *f, const char *what)
{
	return fail(f, -ENOEXEC, ERROR_UNSUPPORTED, "export it again where it was made",
		    "it is no module of vkernel's: %s", what);
}

static void elf_freep(Elf **e)
{
	(void)elf_end(*e);
}

static int open_elf(const void *data, size_t size, Elf **ret, Failure *f)
{
	GElf_Ehdr head;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOSYS;
	/* libelf writes to it only if it is asked to. */
	*ret = elf_memory((char *)data, size);
	if (!*ret || elf_kind(*ret) != ELF_K_ELF || gelf_getclass(*ret) != ELFCLASS64 ||
	    !gelf_getehdr(*ret, &head) || head.e_type != ET_REL)
		return no_module(f, "it is no object file of 64 bits");
	return head.e_machine == EM_X86_64 ? 0 : no_module(f, "it is not for x86-64");
}

/* The bytes of the only section of that name; NULL where there is none. */
static int find_section(Elf *elf, const char *name, Elf_Data **ret, Failure *f)
{
	Elf_Scn *s = NULL;
	size_t names, n = 0;

	*ret = NULL;
	if (elf_getshdrstrndx(elf, &names) < 0)
		return no_module(f, elf_errmsg(-1));
	while ((s = elf_nextscn(elf, s))) {
		GElf_Shdr head;
		const char *found =
			gelf_getshdr(s, &head) ? elf_strptr(elf, names, head.sh_name) : NULL;

		if (!found || strcmp(found, name) != 0)
			continue;
		*ret = elf_rawdata(s, NULL);
		if (!*ret || !(*ret)->d_buf || n++ > 0)
			return no_module(f, name);
	}
	return 0;
}

/* A value of .modinfo, up to its NUL or to stop. */
static int find_info(const Elf_Data *info, const char *key, char stop, char *ret, size_t size)
{
	const char *at = info->d_buf, *end = at + info->d_size;
	size_t n = strlen(key);

	while (at < end) {
		size_t length = strnlen(at, (size_t)(end - at)), value;
		const char *stopped;

		if (length > n && strncmp(at, key, n) == 0 && at[n] == '=') {
			stopped = memchr(at + n + 1, stop, length - n - 1);
			value = stopped ? (size_t)(stopped - at) - n - 1 : length - n - 1;
			if (value >= size)
				return -ENOEXEC;
			memcpy(ret, at + n + 1, value);
			ret[value] = 0;
			return 0;
		}
		at += length + 1;
	}
	return -ENOEXEC;
}

static int look_at_info(Elf *elf, PrebuiltLook *ret, Failure *f)
{
	Elf_Data *info;
	int r;

	r = find_section(elf, ".modinfo", &info, f);
	if (r < 0)
		return r;
	if (!info || find_info(info, "name", 0, ret->module, sizeof(ret->module)) < 0 ||
	    find_info(info, "vermagic", ' ', ret->release, sizeof(ret->release)) < 0)
		return no_module(f, "it does not say its name and its kernel");
	if (find_info(info, "vkernel", 0, ret->fit, sizeof(ret->fit)) < 0)
		return no_module(f, "it does not say what it was made for");
	return 0;
}

static int look_at_policy(Elf *elf, PrebuiltLook *ret, Failure *f)
{
	char name[sizeof(ret->module)];
	_cleanup_free_ Policy *p = NULL;
	Elf_Data *data;
	int r;

	r = find_section(elf, POLICY_SECTION, &data, f);
	if (r < 0)
		return r;
	if (!data) {
		strcpy(ret->digest, CORE_DIGEST);
		return strcmp(ret->module, CORE_MODULE) == 0 ? 0 : no_module(f, "it has no policy");
	}
	r = policy_load(data->d_buf, data->d_size, &p);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return no_module(f, "its policy is not one of this version");
	policy_module_name(p, name);
	policy_digest_hex(p, ret->digest);
	return strcmp(ret->module, name) == 0 ? 0
					      : no_module(f, "its name is not that of its policy");
}

int prebuilt_look(const void *data, size_t size, PrebuiltLook *ret, Failure *f)
{
	_cleanup_(elf_freep) Elf *elf = NULL;
	int r;

	*ret = (PrebuiltLook){};
	r = open_elf(data, size, &elf, f);
	if (r >= 0)
		r = look_at_info(elf, ret, f);
	return r < 0 ? r : look_at_policy(elf, ret, f);
}

void prebuilt_fit(Builder *b, const char *digest, char ret[HASH_HEX_SIZE])
{
	builder_find_symvers(b);
	key_fit(b, strcmp(digest, CORE_DIGEST) == 0, ret);
}

void prebuilt_address(Builder *b, const char *digest, char ret[HASH_HEX_SIZE])
{
	builder_find_symvers(b);
	key_address(b, digest, ret);
}

static int write_entry(const char *entry, const PrebuiltFile *p)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -EBADF;
	size_t at = 0;

	if (asprintf(&path, "%s/%s.ko", entry, p->module) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	while (fd >= 0 && at < p->size) {
		ssize_t n = write(fd, (const char *)p->data + at, p->size - at);

		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int commit(Builder *b, const char *key, const PrebuiltFile *p, const char *entry)
{
	char content[HASH_HEX_SIZE];
	int r;

	r = cache_content(entry, p->module, content);
	if (r >= 0)
		r = cache_commit(b->config->cache, key, entry);
	if (r >= 0)
		r = db_build_start(b->db, key, p->digest, b->host->release, clock_now());
	if (r >= 0)
		r = db_build_imported(b->db, key, p->signer);
	return r < 0 ? r : db_build_ok(b->db, key, 0, (int64_t)p->size, content);
}

int prebuilt_keep(Builder *b, const PrebuiltFile *p, char ret_key[HASH_HEX_SIZE])
{
	_cleanup_free_ char *entry = NULL;
	int r;

	prebuilt_address(b, p->digest, ret_key);
	r = cache_make_temporary(b->config->cache, &entry);
	if (r < 0)
		return r;
	r = write_entry(entry, p);
	if (r >= 0)
		r = commit(b, ret_key, p, entry);
	if (r < 0)
		(void)tree_remove(entry);
	else if (b->config->grown)
		b->config->grown(b->config->userdata);
	return r;
}
