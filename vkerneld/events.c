/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vkerneld/api.h"
#include "vkerneld/build/hash.h"
#include "vkerneld/clock.h"
#include "vkerneld/events.h"
#include "vkerneld/journal.h"
#include "vkerneld/log.h"
#include "vkerneld/shown.h"

struct Monitor {
	Monitor *next;
	Manager *manager;
	VarlinkCall *call;
	char *container;
};

static int event_json(const Shown *s, json_object **ret)
{
	json_object *event = NULL;
	int r;

	r = shown_json(s, &event);
	return r < 0 ? r : api_object("event", event, ret);
}

/* A beginning of the container's name selects it, as everywhere. */
static bool watches(const Monitor *w, const KernelEvent *e)
{
	return !w->container || strncmp(e->container, w->container, strlen(w->container)) == 0;
}

/* One who is gone or too slow is told apart by the server, and is removed by on_closed(). */
static void notify(Manager *m, const Shown *s)
{
	for (Monitor *w = m->monitors; w; w = w->next) {
		json_object *o = NULL;

		if (watches(w, s->event) && event_json(s, &o) >= 0)
			(void)varlink_notify(w->call, o);
	}
}

/* The number may belong to the next container by the time the end of the last one is read. */
static int record_end(Manager *m, const KernelEvent *e)
{
	_cleanup_db_instance_ DbInstance known = {};
	int r;

	r = db_instance_get(m->db, m->host.boot, e->instance, &known);
	if (r < 0)
		return r;
	if (strcmp(known.container, e->container) != 0)
		return 0;
	return db_instance_end(m->db, m->host.boot, e->instance, clock_now());
}

/*
 * Whoever gave the instance the policy has written that down, unless the core's answer came too
 * late or it was somebody else. By now it may have yet another: only the kernel knows.
 */
static int record_policy(Manager *m, const Shown *s)
{
	_cleanup_db_instance_ DbInstance known = {};
	int r;

	r = db_instance_get(m->db, m->host.boot, s->event->instance, &known);
	if (r >= 0 && strcmp(known.digest, s->digest) != 0)
		events_reconcile(m);
	return r;
}

static void record(Manager *m, const Shown *s)
{
	const KernelEvent *e = s->event;
	int r = 0;

	if (e->kind == VKERNEL_EVENT_RELEASE)
		r = record_end(m, e);
	else if (e->kind == VKERNEL_EVENT_POLICY)
		r = record_policy(m, s);
	if (r < 0 && r != -ENOENT)
		log_message(LOG_WARNING, "noting '%s' of %s: %s, ignoring", s->kind, e->container,
			    strerror(-r));
}

void events_handle(const KernelEvent *event, void *userdata)
{
	_cleanup_shown_ Shown s = {};
	Manager *m = userdata;

	if (!event) {
		events_reconcile(m);
		return;
	}
	shown_init(&s, event);
	if (!s.kind)
		return;
	journal_event(&s);
	record(m, &s);
	notify(m, &s);
}

typedef struct Reconciliation {
	Manager *manager;
	KernelInstance *alive;
	size_t n;
	int64_t *ended;
	size_t n_ended;
} Reconciliation;

/* A number is used again; its container then has another name. */
static const KernelInstance *find_alive(const Reconciliation *c, const DbInstance *i)
{
	for (size_t k = 0; k < c->n; k++)
		if (c->alive[k].id == i->instance &&
		    strcmp(c->alive[k].container, i->container) == 0)
			return &c->alive[k];
	return NULL;
}

/* The list must not change while it is read. */
static int collect_ended(const DbInstance *i, void *userdata)
{
	Reconciliation *c = userdata;
	int64_t *grown;

	if (find_alive(c, i))
		return 0;
	grown = reallocarray(c->ended, c->n_ended + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	c->ended = grown;
	c->ended[c->n_ended++] = i->instance;
	return 0;
}

/* It was given while nobody could write that down. */
static int record_other(Manager *m, const KernelInstance *alive, const char *digest)
{
	log_fields(LOG_NOTICE, (const char *const[]){ "VKERNEL_EVENT=adopt", NULL },
		   "container %s runs on another policy than the database says", alive->container);
	return db_instance_policy(m->db, m->host.boot, alive->id, NULL, digest);
}

static int adopt(Manager *m, const KernelInstance *alive)
{
	_cleanup_db_instance_ DbInstance known = {};
	char digest[HASH_HEX_SIZE];
	int r;

	hex_encode(alive->digest, sizeof(alive->digest), digest);
	r = db_instance_get(m->db, m->host.boot, alive->id, &known);
	if (r >= 0)
		return strcmp(known.digest, digest) == 0 ? 0 : record_other(m, alive, digest);
	if (r != -ENOENT)
		return r;
	log_fields(LOG_NOTICE, (const char *const[]){ "VKERNEL_EVENT=adopt", NULL },
		   "taking up container %s, which the database does not know", alive->container);
	return db_instance_put(m->db, m->host.boot,
			       &(DbInstance){ .instance = alive->id,
					      .container = (char *)alive->container,
					      .digest = digest,
					      .bound = clock_now() },
			       NULL);
}

static int reconcile(Reconciliation *c)
{
	Manager *m = c->manager;
	int r;

	r = kernel_instances(m->kernel, &c->alive, &c->n);
	/* Without the core no container has a kernel of its own. */
	if (r < 0 && r != -ENOPKG)
		return r;
	r = db_instances(m->db, m->host.boot, collect_ended, c);
	for (size_t i = 0; r >= 0 && i < c->n_ended; i++)
		r = db_instance_end(m->db, m->host.boot, c->ended[i], clock_now());
	for (size_t i = 0; r >= 0 && i < c->n; i++)
		r = adopt(m, &c->alive[i]);
	return r;
}

void events_reconcile(Manager *m)
{
	Reconciliation c = { .manager = m };
	int r = reconcile(&c);

	if (r < 0)
		log_message(LOG_WARNING,
			    "comparing the database with the kernel's instances: %s, ignoring",
			    strerror(-r));
	free(c.alive);
	free(c.ended);
}

static void monitor_free(Monitor *w)
{
	Monitor **at = &w->manager->monitors;

	while (*at && *at != w)
		at = &(*at)->next;
	if (*at)
		*at = w->next;
	free(w->container);
	free(w);
}

static void on_closed(VarlinkCall *call, void *userdata)
{
	monitor_free(userdata);
	varlink_call_free(call);
}

int events_watch(Manager *m, VarlinkCall *call, const char *container)
{
	Monitor *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->manager = m;
	if (container) {
		w->container = strdup(container);
		if (!w->container) {
			free(w);
			return -ENOMEM;
		}
	}
	w->call = call;
	w->next = m->monitors;
	m->monitors = w;
	varlink_call_on_close(call, on_closed, w);
	return 0;
}

void events_done(Manager *m)
{
	while (m->monitors) {
		_cleanup_failure_ Failure f = {};
		VarlinkCall *call = m->monitors->call;

		monitor_free(m->monitors);
		varlink_call_on_close(call, NULL, NULL);
		fail(&f, -ECANCELED, ERROR_FAILED, "follow them again", "vkerneld stops");
		api_fail(call, &f);
	}
}
