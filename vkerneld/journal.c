/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vkerneld/journal.h"
#include "vkerneld/log.h"
#include "vkerneld/names.h"

#define FIELDS_MAX 24

/* "NAME=value" each; the last stays NULL. */
typedef struct Fields {
	char *field[FIELDS_MAX + 1];
	size_t n;
} Fields;

static void fields_done(Fields *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->field[i]);
}

/* What there is no word for is left out, and so is what there is no memory for. */
static void add(Fields *f, const char *name, const char *value)
{
	char *field;

	if (!value || !*value || f->n == FIELDS_MAX)
		return;
	if (asprintf(&field, "VKERNEL_%s=%s", name, value) >= 0)
		f->field[f->n++] = field;
}

static void add_number(Fields *f, const char *name, uint32_t value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	add(f, name, text);
}

static void add_operation(Fields *f, const Shown *s)
{
	add(f, "CLASS", s->class);
	add(f, "OPERATION", s->operation);
	add(f, "REQUESTED", s->requested);
	add(f, "MISSING", s->missing);
	add(f, "PATH", s->path);
	add(f, "TARGET", s->target);
	add(f, "FAMILY", s->family);
	add(f, "SOCKET_TYPE", s->type);
	add(f, "SIGNAL", s->signal);
	add(f, "RESOURCE", s->resource);
	add(f, "LABEL", s->label);
}

static void collect(Fields *f, const Shown *s)
{
	add(f, "CONTAINER", s->event->container);
	add(f, "DIGEST", s->digest);
	add(f, "EVENT", s->kind);
	add_number(f, "INSTANCE", s->event->instance);
	add_number(f, "PID", s->event->pid);
	add(f, "COMM", s->comm);
	add(f, "CALL", s->call);
	add(f, "VERDICT", s->verdict);
	add(f, "CAPABILITY", s->capability);
	add_operation(f, s);
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
		   s->passed ? ", passed (audit)" : "");
}

static void log_claim(const Shown *s, const char *const *fields)
{
	const KernelEvent *e = s->event;

	log_fields(LOG_WARNING, fields,
		   "%s: %s (pid %u) claimed %s, which the container was not given: %s",
		   e->container, s->comm, e->pid, s->capability,
		   s->passed ? "passed (audit)" : "refused");
}

static void put(FILE *f, const char *before, const char *word)
{
	if (word && *word)
		fprintf(f, "%s%s", before, word);
}

/* "open /etc/shadow: read"; NULL when memory is out. */
static char *describe(const Shown *s, const char *permissions)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	put(f, "", or (s->operation, "operation"));
	put(f, " ", s->capability);
	put(f, " ", s->family);
	put(f, " ", s->type);
	put(f, " ", s->signal);
	put(f, " ", s->resource);
	put(f, " ", s->path);
	put(f, ", ", s->target);
	put(f, ": ", permissions);
	(void)fclose(f);
	return text;
}

static void log_operation(const Shown *s, const char *const *fields)
{
	const KernelEvent *e = s->event;
	bool refused = e->kind == VKERNEL_EVENT_REFUSED;
	_cleanup_free_ char *what = describe(s, refused ? s->missing : s->requested);

	log_fields(refused ? LOG_WARNING : LOG_NOTICE, fields, "%s: %s (pid %u) was %s by %s: %s%s",
		   e->container, s->comm, e->pid, refused ? "refused" : "permitted",
		   or (s->label, "its policy"), or (what, "an operation"),
		   refused && s->passed ? ", passed (audit)" : "");
}

static void log_entry(const Shown *s, const char *const *fields)
{
	const KernelEvent *e = s->event;

	switch (e->kind) {
	case VKERNEL_EVENT_DENIED:
		log_denied(s, fields);
		break;
	case VKERNEL_EVENT_CAPABILITY:
		log_claim(s, fields);
		break;
	case VKERNEL_EVENT_REFUSED:
	case VKERNEL_EVENT_AUDITED:
		log_operation(s, fields);
		break;
	case VKERNEL_EVENT_POLICY:
		log_fields(LOG_INFO, fields, "%s: has the policy %.*s now (instance %u)",
			   e->container, VK_MODULE_DIGITS, s->digest, e->instance);
		break;
	default:
		log_fields(e->kind == VKERNEL_EVENT_JOIN ? LOG_DEBUG : LOG_INFO, fields,
			   "%s: %s (instance %u)", e->container, or (s->kind, "unknown event"),
			   e->instance);
	}
}

void journal_event(const Shown *s)
{
	_cleanup_(fields_done) Fields f = {};

	collect(&f, s);
	log_entry(s, (const char *const *)f.field);
}
