/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vkerneld/build/hash.h"
#include "vkerneld/capability.h"
#include "vkerneld/clock.h"
#include "vkerneld/events.h"
#include "vkerneld/log.h"
#include "vkerneld/names.h"

struct Monitor {
	Monitor *next;
	Manager *manager;
	VarlinkCall *call;
	char *container;
};

/* An event with its numbers put into words. */
typedef struct Shown {
	const KernelEvent *event;
	const char *kind;
	char digest[HASH_HEX_SIZE];
	char comm[sizeof((KernelEvent){}.comm)];
	char *call, *verdict;
	char capability[32]; /* or empty */
} Shown;

static void shown_done(Shown *s)
{
	free(s->call);
	free(s->verdict);
}

/* A program names itself as it likes. */
static void printable(char *s)
{
	for (; *s; s++)
		if (*s < ' ' || *s > '~')
			*s = '?';
}

/* One that came with a later kernel has a number. */
static void show_capability(uint32_t capability, char *ret, size_t size)
{
	const char *name = capability_name(capability);

	if (name)
		snprintf(ret, size, "%s", name);
	else
		snprintf(ret, size, "%u", capability);
}

static void show(const KernelEvent *e, Shown *ret)
{
	*ret = (Shown){ .event = e, .kind = event_name(e->kind) };
	if (KERNEL_EVENT_HAS(e, VKERNEL_A_EVENT_DIGEST))
		hex_encode(e->digest, sizeof(e->digest), ret->digest);
	memcpy(ret->comm, e->comm, sizeof(ret->comm));
	printable(ret->comm);
	if (KERNEL_EVENT_HAS(e, VKERNEL_A_EVENT_NR))
		ret->call = call_name(e->table, e->nr);
	if (KERNEL_EVENT_HAS(e, VKERNEL_A_EVENT_VERDICT))
		ret->verdict = verdict_name(e->verdict);
	if (KERNEL_EVENT_HAS(e, VKERNEL_A_EVENT_CAPABILITY))
		show_capability(e->capability, ret->capability, sizeof(ret->capability));
}

static const char * or (const char *s, const char *otherwise)
{
	return s ? s : otherwise;
}

static void log_denied(const Shown *s, const char *const *fields)
{
	const KernelEvent *e = s->event;
	char number[16];

	snprintf(number, sizeof(number), "%u", e->nr);
	log_fields(LOG_WARNING, fields, "%s: %s (pid %u) called %s: %s%s", e->container, s->comm,
		   e->pid, or (s->call, number), or (s->verdict, "refused"),
		   e->mode == VKERNEL_MODE_AUDIT ? ", passed (audit)" : "");
}

static void log_claim(const Shown *s, const char *const *fields)
{
	const KernelEvent *e = s->event;

	log_fields(LOG_WARNING, fields,
		   "%s: %s (pid %u) claimed %s, which the container was not given: %s",
		   e->container, s->comm, e->pid, s->capability,
		   e->mode == VKERNEL_MODE_AUDIT ? "passed (audit)" : "refused");
}

static void log_event(const Shown *s)
{
	const KernelEvent *e = s->event;
	char container[192], digest[96], kind[48], instance[48], pid[32], comm[64], call[64];
	char verdict[64], capability[64];
	const char *const fields[] = { container, digest, kind,	   instance,   pid,
				       comm,	  call,	  verdict, capability, NULL };

	snprintf(container, sizeof(container), "VKERNEL_CONTAINER=%s", e->container);
	snprintf(digest, sizeof(digest), "VKERNEL_DIGEST=%s", s->digest);
	snprintf(kind, sizeof(kind), "VKERNEL_EVENT=%s", or (s->kind, "unknown"));
	snprintf(instance, sizeof(instance), "VKERNEL_INSTANCE=%u", e->instance);
	snprintf(pid, sizeof(pid), "VKERNEL_PID=%u", e->pid);
	snprintf(comm, sizeof(comm), "VKERNEL_COMM=%s", s->comm);
	snprintf(call, sizeof(call), "VKERNEL_CALL=%s", or (s->call, ""));
	snprintf(verdict, sizeof(verdict), "VKERNEL_VERDICT=%s", or (s->verdict, ""));
	snprintf(capability, sizeof(capability), "VKERNEL_CAPABILITY=%s", s->capability);
	if (e->kind == VKERNEL_EVENT_DENIED)
		log_denied(s, fields);
	else if (e->kind == VKERNEL_EVENT_CAPABILITY)
		log_claim(s, fields);
	else
		log_fields(e->kind == VKERNEL_EVENT_JOIN ? LOG_DEBUG : LOG_INFO, fields,
			   "%s: %s (instance %u)", e->container, or (s->kind, "unknown event"),
			   e->instance);
}

static int add_number(json_object *o, const KernelEvent *e, int attribute, const char *key,
		      uint64_t value)
{
	return KERNEL_EVENT_HAS(e, attribute) ? json_add_int(o, key, (int64_t)value) : 0;
}

static int add_args(json_object *o, const KernelEvent *e)
{
	json_object *array;
	int r;

	if (!KERNEL_EVENT_HAS(e, VKERNEL_A_EVENT_ARGS))
		return 0;
	array = json_object_new_array();
	r = json_add(o, "args", array);
	for (size_t i = 0; r >= 0 && i < ELEMENTSOF(e->args); i++)
		r = json_append(array, json_object_new_int64((int64_t)e->args[i]));
	return r;
}

static int add_task(json_object *o, const Shown *s)
{
	const KernelEvent *e = s->event;
	int r;

	r = add_number(o, e, VKERNEL_A_EVENT_PID, "pid", e->pid);
	if (r >= 0)
		r = add_number(o, e, VKERNEL_A_EVENT_TID, "tid", e->tid);
	if (r >= 0 && s->comm[0])
		r = json_add_string(o, "comm", s->comm);
	if (r >= 0)
		r = add_number(o, e, VKERNEL_A_EVENT_STATUS, "status", e->status);
	return r;
}

static int add_denied(json_object *o, const Shown *s)
{
	const KernelEvent *e = s->event;
	int r;

	r = json_add_string(o, "mode", mode_name(e->mode));
	if (r >= 0)
		r = json_add_string(o, "arch", arch_name(e->table));
	if (r >= 0)
		r = add_number(o, e, VKERNEL_A_EVENT_NR, "nr", e->nr);
	if (r >= 0)
		r = json_add_string(o, "call", s->call);
	if (r >= 0)
		r = json_add_string(o, "verdict", s->verdict);
	if (r >= 0)
		r = add_args(o, e);
	if (r >= 0)
		r = add_number(o, e, VKERNEL_A_EVENT_DROPPED, "dropped", e->dropped);
	return r;
}

static int add_claim(json_object *o, const Shown *s)
{
	const KernelEvent *e = s->event;
	int r;

	r = json_add_string(o, "mode", mode_name(e->mode));
	if (r >= 0)
		r = json_add_string(o, "capability", s->capability);
	if (r >= 0)
		r = add_number(o, e, VKERNEL_A_EVENT_DROPPED, "dropped", e->dropped);
	return r;
}

static int event_json(const Shown *s, json_object **ret)
{
	_cleanup_json_ json_object *event = json_object_new_object(), *o = NULL;
	const KernelEvent *e = s->event;
	int r;

	if (!event)
		return -ENOMEM;
	r = json_add_string(event, "kind", s->kind);
	if (r >= 0)
		r = json_add_int(event, "time", clock_now());
	if (r >= 0)
		r = json_add_int(event, "instance", e->instance);
	if (r >= 0)
		r = json_add_string(event, "container", e->container);
	if (r >= 0 && s->digest[0])
		r = json_add_string(event, "digest", s->digest);
	if (r >= 0)
		r = add_task(event, s);
	if (r >= 0 && e->kind == VKERNEL_EVENT_DENIED)
		r = add_denied(event, s);
	if (r >= 0 && e->kind == VKERNEL_EVENT_CAPABILITY)
		r = add_claim(event, s);
	o = json_object_new_object();
	if (r >= 0)
		r = o ? json_add(o, "event", TAKE_PTR(event)) : -ENOMEM;
	if (r < 0)
		return r;
	*ret = TAKE_PTR(o);
	return 0;
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

static void record(Manager *m, const KernelEvent *e)
{
	int r;

	if (e->kind != VKERNEL_EVENT_RELEASE)
		return;
	r = record_end(m, e);
	if (r < 0 && r != -ENOENT)
		log_message(LOG_WARNING, "noting the end of %s: %s, ignoring", e->container,
			    strerror(-r));
}

void events_handle(const KernelEvent *event, void *userdata)
{
	_cleanup_(shown_done) Shown s = {};
	Manager *m = userdata;

	if (!event) {
		events_reconcile(m);
		return;
	}
	show(event, &s);
	if (!s.kind)
		return;
	log_event(&s);
	record(m, event);
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

static int adopt(Manager *m, const KernelInstance *alive)
{
	_cleanup_db_instance_ DbInstance known = {};
	char digest[HASH_HEX_SIZE];
	int r;

	r = db_instance_get(m->db, m->host.boot, alive->id, &known);
	if (r != -ENOENT)
		return r;
	hex_encode(alive->digest, sizeof(alive->digest), digest);
	log_fields(LOG_NOTICE, (const char *const[]){ "VKERNEL_EVENT=adopt", NULL },
		   "taking up container %s, which the database does not know", alive->container);
	return db_instance_put(m->db, m->host.boot,
			       &(DbInstance){ .instance = alive->id,
					      .container = (char *)alive->container,
					      .digest = digest,
					      .bound = clock_now() });
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
		VarlinkCall *call = m->monitors->call;

		monitor_free(m->monitors);
		varlink_call_on_close(call, NULL, NULL);
		varlink_error(call, "io.vkernel.Failed", NULL);
	}
}
