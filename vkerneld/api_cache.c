/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vkerneld/api.h"
#include "vkerneld/build/cache.h"
#include "vkerneld/keep.h"

/* So many digits of a key stand for it. */
#define KEY_DIGITS_MIN 8

/* Entries are looked at one by one, so that others are answered between them. */
typedef struct Verify {
	Operation operation;
	KeepEntry *entries;
	size_t n, at;
	json_object *array;
	sd_event_source *next;
} Verify;

static int entry_json(const KeepEntry *e, json_object *o)
{
	static const char *const uses[] = { "none", "needed", "loaded" };
	int r;

	r = json_add_string(o, "digest", e->digest);
	if (r >= 0)
		r = json_add_int(o, "made", e->made);
	if (r >= 0)
		r = json_add_int(o, "last_use", e->last_use);
	if (r >= 0)
		r = json_add_string(o, "use", uses[e->use]);
	return r;
}

/* What all that is said of an entry has; word: what is particular, if it is a word. */
static int append_entry(json_object *array, const KeepEntry *e, const char *name, const char *word)
{
	_cleanup_json_ json_object *o = json_object_new_object();
	bool known = e->module[0];
	int r;

	if (!o)
		return -ENOMEM;
	r = json_add_string(o, "key", e->key);
	if (r >= 0)
		r = json_add_string(o, "module", known ? e->module : NULL);
	if (r >= 0)
		r = json_add_string(o, "kernel", known ? e->kernel : NULL);
	if (r >= 0)
		r = json_add_int(o, "size", e->size);
	if (r >= 0)
		r = name ? json_add_string(o, name, word) : entry_json(e, o);
	return r < 0 ? r : json_append(array, TAKE_PTR(o));
}

/* Those used last first. */
static int fill_list(Manager *m, json_object *array, Failure *f)
{
	_cleanup_free_ KeepEntry *all = NULL;
	size_t n;
	int r;

	r = keep_list(m, &all, &n, f);
	for (size_t i = r < 0 ? 0 : n; r >= 0 && i > 0; i--)
		if (all[i - 1].there)
			r = append_entry(array, &all[i - 1], NULL, NULL);
	return r;
}

int api_list_cache(VarlinkCall *call, json_object *parameters, void *userdata)
{
	return api_answer_list(call, parameters, "entries", fill_list, userdata);
}

static int append_removed(const KeepEntry *e, const char *reason, void *userdata)
{
	return append_entry(userdata, e, "reason", reason);
}

static int fill_collected(Manager *m, json_object *array, Failure *f)
{
	return keep_collect(m, append_removed, array, f);
}

int api_collect_cache(VarlinkCall *call, json_object *parameters, void *userdata)
{
	return api_answer_changes(call, parameters, "removed", fill_collected, userdata);
}

/* By its key or a beginning of that, by its module, or by the digest of its policy. */
static bool is_called(const KeepEntry *e, const char *name)
{
	size_t n = strlen(name);

	return strcmp(e->module, name) == 0 || strcmp(e->digest, name) == 0 ||
	       (n >= KEY_DIGITS_MIN && strncmp(e->key, name, n) == 0);
}

static int fail_entry_in_use(const KeepEntry *e, Failure *f)
{
	if (e->use == KEEP_LOADED)
		fail(f, -EBUSY, ERROR_ENTRY_IN_USE,
		     "stop the containers that run on it, then 'vkctl unload' takes it out",
		     "%s is loaded", e->module);
	else
		fail(f, -EBUSY, ERROR_ENTRY_IN_USE, "try again when the build is done",
		     "a build under way needs %s", e->module);
	failure_add(f, "key", e->key);
	return -EBUSY;
}

/* All that the name stands for, or nothing. */
static int check_use(Manager *m, const KeepEntry *all, size_t n, const char *name, Failure *f)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		if (!is_called(&all[i], name))
			continue;
		if (all[i].use == KEEP_LOADED || builder_works_on(m->builder, all[i].key))
			return fail_entry_in_use(&all[i], f);
		found++;
	}
	return found ? 0 : -ENOENT;
}

static int remove_called(Manager *m, const char *name, json_object *array, Failure *f)
{
	_cleanup_free_ KeepEntry *all = NULL;
	size_t n;
	int r;

	r = keep_list(m, &all, &n, f);
	if (r >= 0)
		r = check_use(m, all, n, name, f);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		if (!is_called(&all[i], name))
			continue;
		r = keep_remove(m, &all[i]);
		if (r >= 0)
			r = append_removed(&all[i], "asked", array);
	}
	return r;
}

static int remove_named(Manager *m, const char *name, json_object **ret, Failure *f)
{
	_cleanup_json_ json_object *array = json_object_new_array();
	_cleanup_free_ char *wanted = NULL;
	int r;

	if (!array)
		return -ENOMEM;
	r = api_digest_of(m, name, &wanted, f);
	if (r >= 0)
		r = remove_called(m, wanted, array, f);
	if (r == -ENOENT)
		return fail_with(f, r, ERROR_NO_SUCH_ENTRY, "entry", name);
	return r < 0 ? fail_errno(f, r, "removing it from the cache")
		     : api_object("removed", TAKE_PTR(array), ret);
}

int api_remove_cached(VarlinkCall *call, json_object *parameters, void *userdata)
{
	static const VarlinkField fields[] = {
		{ .name = "entry", .type = VARLINK_STRING },
		{},
	};
	_cleanup_failure_ Failure f = {};
	json_object *reply = NULL;
	const char *name = NULL;
	int r;

	if (api_dispatch(call, parameters, fields, &name))
		return 0;
	r = remove_named(userdata, name, &reply, &f);
	return api_end(call, r, reply, &f);
}

static void release(Operation *o)
{
	Verify *v = (Verify *)o;

	sd_event_source_disable_unref(v->next);
	json_object_put(v->array);
	free(v->entries);
	free(v);
}

/* It may have been removed, or made anew, since the list was read. */
static int verify_one(Verify *v, const KeepEntry *e)
{
	Manager *m = v->operation.manager;
	_cleanup_db_build_ DbBuild b = {};
	_cleanup_close_ int fd = -EBADF;
	int r;

	r = db_build_get(m->db, e->key, &b);
	if (r == -ENOENT || (r >= 0 && (strcmp(b.outcome, "ok") != 0 || !b.content)))
		return 0;
	if (r < 0)
		return r;
	fd = cache_open(m->options->cache, e->key, e->module, b.content);
	if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
		return fd;
	return append_entry(v->array, e, "state",
			    fd >= 0	    ? "ok"
			    : fd == -ENOENT ? "missing"
					    : "corrupt");
}

static int on_next(sd_event_source *source, void *userdata)
{
	Verify *v = userdata;
	_cleanup_failure_ Failure f = {};
	json_object *reply = NULL;
	int r = 0;

	if (v->at < v->n)
		r = verify_one(v, &v->entries[v->at++]);
	if (r >= 0 && v->at < v->n)
		return 0;
	if (r >= 0)
		r = api_object("entries", TAKE_PTR(v->array), &reply);
	if (r < 0)
		fail_errno(&f, r, "verifying the cache");
	operation_end(&v->operation, r, reply, &f);
	return 0;
}

static int begin(Manager *m, VarlinkCall *call, Failure *f)
{
	Verify *v = calloc(1, sizeof(*v));
	int r;

	if (!v)
		return -ENOMEM;
	v->array = json_object_new_array();
	r = v->array ? keep_list(m, &v->entries, &v->n, f) : -ENOMEM;
	if (r >= 0)
		r = sd_event_add_defer(m->event, &v->next, on_next, v);
	if (r >= 0)
		r = sd_event_source_set_priority(v->next, SD_EVENT_PRIORITY_IDLE);
	if (r >= 0)
		r = sd_event_source_set_enabled(v->next, SD_EVENT_ON);
	if (r < 0) {
		release(&v->operation);
		return r;
	}
	operation_begin(&v->operation, m, call, release);
	return 0;
}

int api_verify_cache(VarlinkCall *call, json_object *parameters, void *userdata)
{
	static const VarlinkField fields[] = { {} };
	_cleanup_failure_ Failure f = {};
	int r;

	if (api_dispatch(call, parameters, fields, NULL))
		return 0;
	r = begin(userdata, call, &f);
	return r < 0 ? api_end(call, r, NULL, &f) : 0;
}
