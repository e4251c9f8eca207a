/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/confine.h"

#include <fcntl.h>
#include <fts.h>
#include <string.h>
#include <sys/mman.h>

#include "vkerneld/apparmor/features.h"
#include "vkerneld/apparmor/find.h"
#include "vkerneld/build/hash.h"
#include "vkerneld/log.h"
#include "vkerneld/profile/isolate.h"
#include "vkerneld/task.h"

#define HOST_PROFILES "/sys/kernel/security/apparmor/profiles"
#define PARSER_SECONDS 30
#define REMEMBERED_MAX 32

/* What a name became, while the files were such. */
struct Remembered {
	Remembered *next;
	char *name;
	char files[HASH_HEX_SIZE];
	struct vk_confinement *confinement;
};

struct Confining {
	Manager *manager;
	ConfineDone done;
	void *userdata;
	const ConfineWish *wish; /* the child's */
	char *name; /* or NULL */
	char files[HASH_HEX_SIZE];
	int fd; /* where the child writes its outcome */
	Task *task;
};

/* Of the child's outcome; behind it come the confinement, and the result with its report. */
typedef struct Head {
	uint32_t host;
	uint64_t confinement; /* its size */
} Head;

void confine_outcome_done(ConfineOutcome *o)
{
	free(o->confinement);
	profile_report_done(&o->report);
	*o = (ConfineOutcome){};
}

static const char *folder(const Manager *m)
{
	return m->options->apparmor ? m->options->apparmor : ARMOR_INCLUDES;
}

static bool host_has(const char *name)
{
	_cleanup_fclose_ FILE *f = fopen(HOST_PROFILES, "re");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;

	while (f && getline(&line, &room, f) > 0) {
		char *mode = strrchr(line, '(');

		if (mode && mode > line && (size_t)(mode - line - 1) == strlen(name) &&
		    strncmp(line, name, strlen(name)) == 0)
			return true;
	}
	return false;
}

static void compile_name(const ArmorCompiler *c, const char *name, ConfineOutcome *o)
{
	o->result = armor_from_name(c, name, &o->confinement, &o->report);
	if (o->result != -ENXIO || !host_has(name))
		return;
	profile_report_done(&o->report);
	o->result = 0;
	o->host = true;
}

static void compile(const Manager *m, const ConfineWish *w, ConfineOutcome *o)
{
	const ArmorCompiler c = {
		.parser = ARMOR_PARSER,
		.includes = folder(m),
		.uid = m->profile_uid,
		.gid = m->profile_gid,
		.timeout = PARSER_SECONDS,
		.allow_unmediated = w->allow_unmediated,
	};
	const ArmorChoice choice = { .profile = w->profile, .exec_inherit = w->exec_inherit };

	*o = (ConfineOutcome){};
	if (w->name)
		compile_name(&c, w->name, o);
	else
		o->result = armor_from_text(&c, w->text, strlen(w->text), &choice, &o->confinement,
					    &o->report);
}

void confine_now(const Manager *m, const ConfineWish *wish, ConfineOutcome *ret)
{
	compile(m, wish, ret);
}

static int write_outcome(int fd, const ConfineOutcome *o)
{
	const Head head = { .host = o->host,
			    .confinement = o->confinement ? o->confinement->size : 0 };
	int r = write_out(fd, &head, sizeof(head));

	if (r >= 0)
		r = write_out(fd, o->confinement, head.confinement);
	return r < 0 ? r : profile_report_write(&o->report, o->result, fd);
}

static int work(void *arg)
{
	const Confining *c = arg;
	ConfineOutcome o;

	compile(c->manager, c->wish, &o);
	return write_outcome(c->fd, &o);
}

static int read_confinement(const char *bytes, uint64_t size, ConfineOutcome *o)
{
	struct vk_confinement *c;

	if (!size)
		return 0;
	c = malloc(size);
	if (!c)
		return -ENOMEM;
	memcpy(c, bytes, size);
	o->confinement = c;
	return vk_confinement_valid(c, size) && c->size == size ? 0 : -EBADMSG;
}

static int read_outcome(int fd, ConfineOutcome *o)
{
	_cleanup_free_ char *bytes = NULL;
	Head head;
	size_t size, before;
	int r = read_back(fd, &bytes, &size);

	if (r < 0)
		return r;
	if (size < sizeof(head))
		return -EBADMSG;
	memcpy(&head, bytes, sizeof(head));
	if (head.confinement > size - sizeof(head))
		return -EBADMSG;
	before = sizeof(head) + head.confinement;
	o->host = head.host;
	r = read_confinement(bytes + sizeof(head), head.confinement, o);
	o->result = profile_report_read(bytes + before, size - before, &o->report);
	return r < 0 ? r : o->result == -EBADMSG && !o->report.error ? -EBADMSG : 0;
}

static void forget(Remembered *r)
{
	free(r->name);
	free(r->confinement);
	free(r);
}

void confine_forget(Manager *m)
{
	while (m->remembered) {
		Remembered *r = m->remembered;

		m->remembered = r->next;
		forget(r);
	}
}

static int copy_confinement(const struct vk_confinement *c, struct vk_confinement **ret)
{
	*ret = NULL;
	if (!c)
		return 0;
	*ret = malloc(c->size);
	if (!*ret)
		return -ENOMEM;
	memcpy(*ret, c, c->size);
	return 0;
}

/* The oldest, and what the name was before. */
static void make_room(Manager *m, const char *name)
{
	Remembered **at = &m->remembered;

	for (size_t n = 1; *at; n++) {
		Remembered *r = *at;

		if (n < REMEMBERED_MAX && strcmp(r->name, name) != 0) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		forget(r);
	}
}

/* It is no matter if this fails. */
static void remember(Confining *c, const ConfineOutcome *o)
{
	Remembered *r;

	if (!c->name || o->result < 0 || o->host)
		return;
	make_room(c->manager, c->name);
	r = calloc(1, sizeof(*r));
	if (!r)
		return;
	if (copy_confinement(o->confinement, &r->confinement) < 0) {
		free(r);
		return;
	}
	r->name = TAKE_PTR(c->name);
	memcpy(r->files, c->files, sizeof(r->files));
	r->next = c->manager->remembered;
	c->manager->remembered = r;
}

static void hash_stat(Hash *h, const char *path, const struct stat *st)
{
	const int64_t numbers[] = { st->st_size,	 (int64_t)st->st_ino, st->st_mtim.tv_sec,
				    st->st_mtim.tv_nsec, st->st_ctim.tv_sec,  st->st_ctim.tv_nsec,
				    (int64_t)st->st_mode };

	hash_add_string(h, "path", path);
	hash_add_field(h, "stat", numbers, sizeof(numbers));
}

/* All that decides what a name becomes: a look at each file, and at none's content. */
static int hash_files(const char *root, char ret[HASH_HEX_SIZE])
{
	char *const roots[] = { (char *)root, (char *)ARMOR_PARSER, NULL };
	FTS *fts = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;
	Hash h;

	if (!fts)
		return -errno;
	hash_init(&h);
	while ((entry = fts_read(fts)))
		if (entry->fts_info != FTS_DP && entry->fts_info != FTS_NS)
			hash_stat(&h, entry->fts_path, entry->fts_statp);
	fts_close(fts);
	hash_end(&h, ret);
	return 0;
}

static const Remembered *recall(const Manager *m, const Confining *c)
{
	for (const Remembered *r = m->remembered; r; r = r->next)
		if (strcmp(r->name, c->name) == 0 && strcmp(r->files, c->files) == 0)
			return r;
	return NULL;
}

static void confining_freep(Confining **c)
{
	if (!*c)
		return;
	task_free((*c)->task);
	closep(&(*c)->fd);
	free((*c)->name);
	free(*c);
}

Confining *confine_cancel(Confining *c)
{
	confining_freep(&c);
	return NULL;
}

static void on_child(int result, void *userdata)
{
	_cleanup_(confining_freep) Confining *c = userdata;
	_cleanup_outcome_ ConfineOutcome o = {};
	int r;

	c->task = NULL;
	r = result < 0 ? result : read_outcome(c->fd, &o);
	if (r < 0) {
		confine_outcome_done(&o);
		o.result = profile_fail(&o.report, r,
					"the profile makes its compiler end before it is done");
	}
	remember(c, &o);
	c->done(&o, c->userdata);
}

static int begin(Confining *c, const ConfineWish *wish)
{
	c->fd = memfd_create("confinement", MFD_CLOEXEC);
	if (c->fd < 0)
		return -errno;
	c->wish = wish;
	return task_start(c->manager->event, work, c, on_child, c, &c->task);
}

static int prepare_name(Confining *c, const char *name)
{
	c->name = strdup(name);
	return c->name ? hash_files(folder(c->manager), c->files) : -ENOMEM;
}

int confine_start(Manager *m, const ConfineWish *wish, ConfineDone done, void *userdata,
		  Confining **ret)
{
	_cleanup_(confining_freep) Confining *c = calloc(1, sizeof(*c));
	_cleanup_outcome_ ConfineOutcome o = {};
	const Remembered *known = NULL;
	int r;

	*ret = NULL;
	if (!c)
		return -ENOMEM;
	*c = (Confining){ .manager = m, .done = done, .userdata = userdata, .fd = -EBADF };
	if (wish->name) {
		r = prepare_name(c, wish->name);
		if (r < 0)
			return r;
		known = recall(m, c);
	}
	if (!known) {
		r = begin(c, wish);
		if (r >= 0)
			*ret = TAKE_PTR(c);
		return r;
	}
	r = copy_confinement(known->confinement, &o.confinement);
	if (r >= 0)
		done(&o, userdata);
	return r;
}

int confine_fail(Failure *f, const ConfineOutcome *o)
{
	const char *why = o->report.error;
	const int r = o->result;

	if (!why || r == -ENOMEM)
		return fail_errno(f, r, "reading the AppArmor profile");
	switch (r) {
	case -ENOPKG:
		return fail(f, r, ERROR_UNSUPPORTED, "install the package apparmor", "%s", why);
	case -ENXIO:
		return fail(f, r, ERROR_INVALID_PROFILE,
			    "put it there, or keep it as a policy of that name: 'vkctl policy add "
			    "NAME --apparmor FILE'",
			    "%s", why);
	case -EOPNOTSUPP:
		return fail(f, r, ERROR_UNSUPPORTED,
			    "'vkctl policy add NAME --apparmor FILE' has --exec-inherit and "
			    "--allow-unmediated",
			    "%s", why);
	default:
		return fail(f, r, ERROR_INVALID_PROFILE, NULL, "%s", why);
	}
}

char *confine_stamp(const ConfineWish *w)
{
	const uint8_t flags[] = { w->allow_unmediated, w->exec_inherit };
	_cleanup_close_ int parser = open(ARMOR_PARSER, O_RDONLY | O_CLOEXEC);
	char digest[HASH_HEX_SIZE], *stamp;
	Hash h;

	hash_init(&h);
	hash_add_string(&h, "features", armor_features);
	hash_add_string(&h, "text", w->text);
	hash_add_string(&h, "profile", w->profile ? w->profile : "");
	hash_add_field(&h, "flags", flags, sizeof(flags));
	if (parser >= 0)
		(void)hash_add_fd(&h, parser);
	hash_end(&h, digest);
	return asprintf(&stamp, "%d:%s", ARMOR_CONFINE_VERSION, digest) < 0 ? NULL : stamp;
}

bool confine_stamp_valid(const char *stamp)
{
	return stamp && atoi(stamp) == ARMOR_CONFINE_VERSION;
}
