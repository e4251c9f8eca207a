/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/apparmor/find.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/util.h"
#include "vkerneld/apparmor/engine.h"
#include "vkerneld/apparmor/unpack.h"
#include "vkerneld/profile/isolate.h"

typedef struct Search {
	const ArmorCompiler *compiler;
	const char *name;
	int folder;
	int result; /* -ENXIO, until some file has the profile, or is wrong and may have it */
	struct vk_confinement *found;
	ProfileReport *report; /* of that file */
} Search;

typedef struct Packed {
	const void *bytes;
	size_t size;
	const ArmorChoice *choice;
} Packed;

static int unpack(const void *arg, int fd, ProfileReport *report)
{
	_cleanup_armor_policy_ ArmorPolicy policy = {};
	_cleanup_free_ struct vk_confinement *c = NULL;
	const Packed *packed = arg;
	int r = armor_unpack(packed->bytes, packed->size, &policy, report);

	if (r >= 0)
		r = armor_confine(&policy, packed->choice, &c, report);
	return r < 0 ? r : write_out(fd, c, c->size);
}

static int check(const void *bytes, size_t size)
{
	const struct vk_confinement *c = bytes;

	return vk_confinement_valid(c, size) && c->size == size ? 0 : -EBADMSG;
}

int armor_from_text(const ArmorCompiler *c, const char *text, size_t size,
		    const ArmorChoice *choice, struct vk_confinement **ret, ProfileReport *report)
{
	const Isolation as = { .uid = c->uid, .gid = c->gid, .seconds = c->timeout };
	_cleanup_free_ void *packed = NULL;
	_cleanup_free_ char *bytes = NULL;
	Packed work = { .choice = choice };
	size_t length;
	int r;

	r = armor_compile(c, text, size, &packed, &work.size, report);
	/* A profile that is not there is something else. */
	if (r == -ENOENT)
		return -ENOPKG;
	work.bytes = packed;
	if (r == 0)
		r = isolate(&as, unpack, &work, &bytes, &length, report);
	if (r == 0)
		r = check(bytes, length);
	if (r == 0)
		*ret = (struct vk_confinement *)TAKE_PTR(bytes);
	return r;
}

static int read_text(int fd, char **ret, size_t *ret_size)
{
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t size = 0;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > PROFILE_SIZE_MAX)
		return -EFBIG;
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	while (size < (size_t)st.st_size) {
		n = read(fd, text + size, (size_t)st.st_size - size);
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size += (size_t)n;
	}
	*ret = TAKE_PTR(text);
	*ret_size = size;
	return 0;
}

/* What counts so far, with the file's name before its message. */
static void keep(Search *s, int result, const char *file, ProfileReport *report)
{
	char *error = report->error;

	s->result = result;
	profile_report_done(s->report);
	*s->report = *report;
	*report = (ProfileReport){};
	if (error && asprintf(&s->report->error, "%s: %s", file, error) >= 0)
		free(error);
	else
		s->report->error = error;
}

/* Whether the search is over. */
static bool try_text(Search *s, const char *file, const char *text, size_t size)
{
	const ArmorChoice choice = { .profile = s->name };
	ProfileReport report = {};
	bool over;
	int r;

	r = armor_from_text(s->compiler, text, size, &choice, &s->found, &report);
	over = r == 0 || r == -ENOMEM || r == -ENOPKG;
	if (over || (r != -ENOENT && s->result == -ENXIO))
		keep(s, r, file, &report);
	profile_report_done(&report);
	return over;
}

static bool is_disabled(const Search *s, const char *file)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "disable/%s", file) < 0) {
		path = NULL;
		return false;
	}
	return faccessat(s->folder, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* What package managers and editors leave behind. */
static bool is_left_over(const char *file)
{
	static const char *const patterns[] = { ".*",	     "*~",     "*.dpkg-*", "*.rpmnew",
						"*.rpmsave", "*.orig", "*.rej",	   "*.bak",
						"*.pacnew",  "README" };

	for (size_t i = 0; i < ELEMENTSOF(patterns); i++)
		if (fnmatch(patterns[i], file, 0) == 0)
			return true;
	return false;
}

static bool try_file(Search *s, const char *file)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *text = NULL;
	size_t size;

	if (is_left_over(file) || is_disabled(s, file))
		return false;
	fd = openat(s->folder, file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || read_text(fd, &text, &size) < 0)
		return false;
	/* The parser takes its time, and what it would find is written there. */
	if (!memmem(text, size, s->name, strlen(s->name)))
		return false;
	return try_text(s, file, text, size);
}

/* /usr/bin/man is in usr.bin.man, if people do as they should. */
static char *usual_file(const char *name)
{
	char *file = strdup(name + strspn(name, "/"));

	for (char *at = file; at && *at; at++)
		if (*at == '/')
			*at = '.';
	return file;
}

static void try_others(Search *s, const char *usual)
{
	struct dirent **entries;
	int n = scandirat(s->folder, ".", &entries, NULL, alphasort);
	bool over = false;

	if (n < 0)
		return;
	for (int i = 0; i < n; i++) {
		if (!over && strcmp(entries[i]->d_name, usual) != 0)
			over = try_file(s, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

static int from_files(const ArmorCompiler *c, const char *name, struct vk_confinement **ret,
		      ProfileReport *report)
{
	_cleanup_free_ char *usual = usual_file(name);
	Search s = { .compiler = c, .name = name, .result = -ENXIO, .report = report };

	if (!usual)
		return -ENOMEM;
	s.folder = open(c->includes, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s.folder < 0)
		return -ENXIO;
	if (!try_file(&s, usual))
		try_others(&s, usual);
	close(s.folder);
	*ret = s.found;
	return s.result;
}

static int from_engine(const ArmorCompiler *c, const char *name, struct vk_confinement **ret,
		       ProfileReport *report)
{
	const ArmorChoice choice = { .profile = name };
	_cleanup_free_ char *text = NULL;
	int r;

	r = engine_profile(name, &text);
	if (r == -ENOENT)
		return -ENXIO;
	return r < 0 ? r : armor_from_text(c, text, strlen(text), &choice, ret, report);
}

int armor_from_name(const ArmorCompiler *c, const char *name, struct vk_confinement **ret,
		    ProfileReport *report)
{
	int r;

	*ret = NULL;
	r = from_files(c, name, ret, report);
	if (r == -ENXIO)
		r = from_engine(c, name, ret, report);
	if (r == -ENXIO)
		return profile_fail(report, r, "no file in %s has the profile %s", c->includes,
				    quoted(name, strlen(name)).text);
	return r;
}
