/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>

#include "vkerneld/build/sources.h"
#include "vkerneld/build/tree.h"

void sources_done(Sources *s)
{
	free(s->kmod);
	free(s->header);
	*s = (Sources){};
}

static int find(const char *folder, Sources *s)
{
	_cleanup_free_ char *kbuild = NULL;

	if (asprintf(&s->kmod, "%s/kmod", folder) < 0) {
		s->kmod = NULL;
		return -ENOMEM;
	}
	if (asprintf(&s->header, "%s/" SOURCES_HEADER, folder) < 0) {
		s->header = NULL;
		return -ENOMEM;
	}
	if (asprintf(&kbuild, "%s/Kbuild", s->kmod) < 0)
		return -ENOMEM;
	return access(kbuild, R_OK) < 0 ? -errno : 0;
}

static int hash_core(Sources *s)
{
	_cleanup_close_ int fd = -EBADF;
	Hash h;
	int r;

	hash_init(&h);
	r = tree_hash(s->kmod, &h);
	if (r < 0)
		return r;
	fd = open(s->header, O_RDONLY | O_CLOEXEC);
	r = fd < 0 ? -errno : hash_add_fd(&h, fd);
	hash_end(&h, s->core);
	return r;
}

static int hash_image(Sources *s)
{
	static const char *const parts[] = { "policy", "include" };
	Hash h;
	int r = 0;

	hash_init(&h);
	for (size_t i = 0; r >= 0 && i < ELEMENTSOF(parts); i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/%s", s->kmod, parts[i]) < 0)
			return -ENOMEM;
		r = tree_hash(path, &h);
	}
	hash_end(&h, s->image);
	return r;
}

int sources_find(const char *folder, Sources *ret)
{
	Sources s = {};
	int r;

	r = find(folder, &s);
	if (r >= 0)
		r = hash_core(&s);
	if (r >= 0)
		r = hash_image(&s);
	if (r < 0) {
		sources_done(&s);
		return r;
	}
	*ret = s;
	return 0;
}
