/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vkerneld/build/cache.h"
#include "vkerneld/build/template.h"
#include "vkerneld/ensure.h"
#include "vkerneld/keep.h"
#include "vkerneld/log.h"

#define CORE_DIGEST "core"
#define TEMPLATE_DIGEST "template"

/* What the kernel has, and the next build needs. */
typedef struct Uses {
	bool core;
	char (*digests)[HASH_HEX_SIZE];
	size_t n;
	BuilderKeys keys;
} Uses;

static void uses_done(Uses *u)
{
	free(u->digests);
}

typedef struct List {
	KeepEntry *entries;
	size_t n, room;
} List;

static int find_policies(Manager *m, Uses *u, Failure *f)
{
	_cleanup_free_ KernelPolicy *all = NULL;
	int r;

	r = kernel_policies(m->kernel, &all, &u->n);
	if (r == -ENOPKG)
		return 0;
	if (r < 0)
		return fail_kernel(f, r, m->kernel, "listing policies");
	u->digests = calloc(u->n + 1, sizeof(*u->digests));
	if (!u->digests)
		return -ENOMEM;
	for (size_t i = 0; i < u->n; i++)
		hex_encode(all[i].digest, sizeof(all[i].digest), u->digests[i]);
	return 0;
}

/* Where one is installed, that is the one that is loaded. */
static bool built_core_is_loaded(Manager *m)
{
	_cleanup_installed_ Installed core = {};
	_cleanup_failure_ Failure f = {};

	return kernel_probe(m->kernel) >= 0 && builder_installed(m->builder, &core, &f) < 0;
}

static int find_uses(Manager *m, Uses *u, Failure *f)
{
	builder_keys(m->builder, &u->keys);
	u->core = built_core_is_loaded(m);
	return find_policies(m, u, f);
}

static bool is_loaded(const Uses *u, const KeepEntry *e)
{
	if (strcmp(e->digest, CORE_DIGEST) == 0)
		return u->core;
	for (size_t i = 0; i < u->n; i++)
		if (strcmp(u->digests[i], e->digest) == 0)
			return true;
	return false;
}

static bool is_gone(const Manager *m, const char *kernel)
{
	_cleanup_free_ char *path = NULL;

	if (strcmp(kernel, m->host.release) == 0)
		return false;
	if (asprintf(&path, "%s/%s", m->options->modules, kernel) < 0) {
		path = NULL;
		return false;
	}
	return access(path, F_OK) < 0 && errno == ENOENT;
}

static KeepUse use_of(Manager *m, const Uses *u, const KeepEntry *e)
{
	if (strcmp(e->kernel, m->host.release) == 0 && is_loaded(u, e))
		return KEEP_LOADED;
	if (strcmp(e->key, u->keys.core) == 0 || strcmp(e->key, u->keys.template) == 0 ||
	    builder_works_on(m->builder, e->key))
		return KEEP_NEEDED;
	/* Whatever runs now: nothing here could make it anew for when its kernel does. */
	if (e->imported && !is_gone(m, e->kernel))
		return KEEP_NEEDED;
	return KEEP_FREE;
}

static void name_module(const char *digest, char ret[MODULE_NAME_SIZE])
{
	if (strcmp(digest, CORE_DIGEST) == 0)
		snprintf(ret, MODULE_NAME_SIZE, CORE_MODULE);
	else if (strcmp(digest, TEMPLATE_DIGEST) == 0)
		snprintf(ret, MODULE_NAME_SIZE, TEMPLATE_MODULE);
	else
		snprintf(ret, MODULE_NAME_SIZE, VK_MODULE_PREFIX "%.*s", VK_MODULE_DIGITS, digest);
}

static void fill(const DbBuild *b, KeepEntry *e)
{
	*e = (KeepEntry){ .size = b->size,
			  .made = b->started,
			  .last_use = b->last_use,
			  .imported = b->imported };
	snprintf(e->key, sizeof(e->key), "%s", b->key);
	snprintf(e->digest, sizeof(e->digest), "%s", b->digest);
	snprintf(e->content, sizeof(e->content), "%s", b->content ? b->content : "");
	snprintf(e->kernel, sizeof(e->kernel), "%s", b->kernel);
	name_module(b->digest, e->module);
}

static int add(const DbBuild *b, void *userdata)
{
	List *l = userdata;

	if (strcmp(b->outcome, "ok") != 0)
		return 0;
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		KeepEntry *more = reallocarray(l->entries, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		l->entries = more;
		l->room = room;
	}
	fill(b, &l->entries[l->n++]);
	return 0;
}

static int by_last_use(const void *a, const void *b)
{
	const KeepEntry *x = a, *y = b;

	if (x->last_use != y->last_use)
		return x->last_use < y->last_use ? -1 : 1;
	return strcmp(x->key, y->key);
}

int keep_list(Manager *m, KeepEntry **ret, size_t *ret_n, Failure *f)
{
	_cleanup_(uses_done) Uses u = {};
	List l = {};
	int r;

	r = find_uses(m, &u, f);
	if (r >= 0)
		r = db_builds(m->db, add, &l);
	if (r < 0) {
		free(l.entries);
		return fail_errno(f, r, "looking at the cache");
	}
	for (size_t i = 0; i < l.n; i++) {
		KeepEntry *e = &l.entries[i];

		e->use = use_of(m, &u, e);
		e->there = cache_has(m->options->cache, e->key, e->module);
	}
	if (l.n > 1)
		qsort(l.entries, l.n, sizeof(*l.entries), by_last_use);
	*ret = l.entries;
	*ret_n = l.n;
	return 0;
}

/* First from the record: what is left after a crash is then a folder that nobody knows of. */
int keep_remove(Manager *m, const KeepEntry *e)
{
	int r, q;

	r = db_build_remove(m->db, e->key);
	q = cache_remove(m->options->cache, e->key);
	return r < 0 && r != -ENOENT ? r : q;
}

/* One pass over the cache. */
typedef struct Collection {
	Manager *manager;
	KeepEntry *entries;
	size_t n;
	KeepFunc func;
	void *userdata;
	bool forget;
} Collection;

static void collection_done(Collection *c)
{
	free(c->entries);
}

static int drop(Collection *c, const KeepEntry *e, const char *reason, const char *why)
{
	int r;

	r = keep_remove(c->manager, e);
	if (r < 0)
		return r;
	log_message(LOG_INFO, "removed %s%s%s (%.12s) from the cache: %s",
		    e->module[0] ? e->module : "an entry", e->kernel[0] ? " for " : "", e->kernel,
		    e->key, why);
	return c->func ? c->func(e, reason, c->userdata) : 0;
}

/* The others stay, in their order. */
static int drop_gone(Collection *c)
{
	size_t kept = 0;
	int r = 0;

	for (size_t i = 0; i < c->n; i++) {
		const KeepEntry *e = &c->entries[i];

		if (r >= 0 && e->use == KEEP_FREE && is_gone(c->manager, e->kernel))
			r = drop(c, e, "kernel_gone", "its kernel is gone");
		else if (r >= 0 && c->forget && !e->there && e->use != KEEP_NEEDED)
			r = drop(c, e, "missing", "it was not there any more");
		else
			c->entries[kept++] = *e;
	}
	c->n = kept;
	return r;
}

static bool is_known(const Collection *c, const char *key)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->entries[i].key, key) == 0)
			return true;
	return builder_works_on(c->manager->builder, key);
}

/* Nothing could say whether it is what was made, so nothing would ever open it. */
static int drop_unknown(const char *key, void *userdata)
{
	Collection *c = userdata;
	KeepEntry e = {};

	if (is_known(c, key))
		return 0;
	snprintf(e.key, sizeof(e.key), "%s", key);
	return drop(c, &e, "unknown", "nothing is known of it");
}

/* Of what could go, the last; it stays, however large it is: it may be about to be loaded. */
static size_t last_free(const Collection *c)
{
	size_t i = c->n;

	while (i > 0 && c->entries[i - 1].use != KEEP_FREE)
		i--;
	return i > 0 ? i - 1 : 0;
}

static int drop_too_much(Collection *c)
{
	const uint64_t max = c->manager->conf->cache_max;
	const size_t last = last_free(c);
	uint64_t size = 0;
	int r = 0;

	for (size_t i = 0; i < c->n; i++)
		size += (uint64_t)c->entries[i].size;
	for (size_t i = 0; r >= 0 && size > max && i < last; i++) {
		if (c->entries[i].use != KEEP_FREE)
			continue;
		size -= (uint64_t)c->entries[i].size;
		r = drop(c, &c->entries[i], "over_limit",
			 "the cache is at its limit, and it was not used for the longest time");
	}
	return r;
}

static int collect(Collection *c, Failure *f)
{
	int r;

	r = keep_list(c->manager, &c->entries, &c->n, f);
	if (r >= 0)
		r = drop_gone(c);
	if (r >= 0)
		r = cache_keys(c->manager->options->cache, drop_unknown, c);
	if (r >= 0)
		r = drop_too_much(c);
	return r < 0 ? fail_errno(f, r, "cleaning up the cache") : 0;
}

int keep_collect(Manager *m, KeepFunc func, void *userdata, Failure *f)
{
	_cleanup_(collection_done) Collection c = {
		.manager = m,
		.func = func,
		.userdata = userdata,
		.forget = true,
	};

	return collect(&c, f);
}

static int trim(Manager *m, Failure *f)
{
	_cleanup_(collection_done) Collection c = { .manager = m };
	int64_t size;
	int r;

	r = db_builds_size(m->db, &size);
	if (r < 0 || (uint64_t)size <= m->conf->cache_max)
		return r;
	r = keep_list(m, &c.entries, &c.n, f);
	return r < 0 ? r : drop_too_much(&c);
}

static void ignore(Failure *f, int r)
{
	fail_errno(f, r, "cleaning up the cache");
	log_message(LOG_WARNING, "%s, ignoring", failure_message(f));
}

static int on_trim(sd_event_source *source, void *userdata)
{
	_cleanup_failure_ Failure f = {};
	int r;

	r = trim(userdata, &f);
	if (r < 0)
		ignore(&f, r);
	return 0;
}

void keep_grown(void *manager)
{
	Manager *m = manager;

	if (m->trim)
		(void)sd_event_source_set_enabled(m->trim, SD_EVENT_ONESHOT);
}

int keep_start(Manager *m)
{
	_cleanup_(collection_done) Collection c = { .manager = m };
	_cleanup_failure_ Failure f = {};
	int r;

	r = collect(&c, &f);
	if (r < 0)
		ignore(&f, r);
	r = sd_event_add_defer(m->event, &m->trim, on_trim, m);
	if (r >= 0)
		r = sd_event_source_set_priority(m->trim, SD_EVENT_PRIORITY_IDLE);
	if (r >= 0)
		r = sd_event_source_set_enabled(m->trim, SD_EVENT_OFF);
	return r;
}
