/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "proto/varlink.h"
#include "vkerneld/capability.h"
#include "vkerneld/clock.h"
#include "vkerneld/names.h"
#include "vkerneld/permission.h"
#include "vkerneld/shown.h"
#include "vkerneld/text.h"

void shown_done(Shown *s)
{
	free(s->call);
	free(s->verdict);
	free(s->requested);
	free(s->missing);
	free(s->path);
	free(s->target);
	free(s->label);
}

/* A program names itself as it likes. */
static void printable(char *s)
{
	for (; *s; s++)
		if (*s < ' ' || *s > '~')
			*s = '?';
}

static bool has(const Shown *s, int attribute)
{
	return KERNEL_EVENT_HAS(s->event, attribute);
}

/* One that came with a later kernel has a number. */
static void put_name(const char *name, uint32_t number, char *ret, size_t size)
{
	if (name)
		snprintf(ret, size, "%s", name);
	else
		snprintf(ret, size, "%u", number);
}

static void show_numbers(Shown *s)
{
	const KernelEvent *e = s->event;
	char name[SIGNAL_NAME_SIZE];

	if (has(s, VKERNEL_A_EVENT_CAPABILITY))
		put_name(capability_name(e->capability), e->capability, s->capability,
			 sizeof(s->capability));
	if (has(s, VKERNEL_A_EVENT_FAMILY))
		put_name(family_name(e->family), e->family, s->family, sizeof(s->family));
	if (has(s, VKERNEL_A_EVENT_TYPE))
		put_name(socket_type_name(e->type), e->type, s->type, sizeof(s->type));
	if (has(s, VKERNEL_A_EVENT_SIGNAL))
		put_name(signal_name(e->signal, name), e->signal, s->signal, sizeof(s->signal));
	if (has(s, VKERNEL_A_EVENT_RESOURCE))
		put_name(resource_name(e->resource), e->resource, s->resource, sizeof(s->resource));
}

static void show_operation(Shown *s)
{
	const KernelEvent *e = s->event;

	if (has(s, VKERNEL_A_EVENT_CLASS))
		s->class = class_name(e->class);
	if (has(s, VKERNEL_A_EVENT_OPERATION))
		s->operation = operation_name(e->operation);
	if (has(s, VKERNEL_A_EVENT_REQUESTED))
		s->requested = permissions_text(e->class, e->requested);
	if (has(s, VKERNEL_A_EVENT_MISSING))
		s->missing = permissions_text(e->class, e->missing);
	if (e->path)
		s->path = text_escape(e->path);
	if (e->target)
		s->target = text_escape(e->target);
	if (e->label)
		s->label = text_escape(e->label);
}

void shown_init(Shown *s, const KernelEvent *e)
{
	*s = (Shown){ .event = e, .kind = event_name(e->kind) };
	if (has(s, VKERNEL_A_EVENT_DIGEST))
		hex_encode(e->digest, sizeof(e->digest), s->digest);
	memcpy(s->comm, e->comm, sizeof(s->comm));
	printable(s->comm);
	if (has(s, VKERNEL_A_EVENT_NR))
		s->call = call_name(e->table, e->nr);
	if (has(s, VKERNEL_A_EVENT_VERDICT))
		s->verdict = verdict_name(e->verdict);
	s->passed = e->kind == VKERNEL_EVENT_AUDITED || e->mode == VKERNEL_MODE_AUDIT;
	show_numbers(s);
	show_operation(s);
}

static int add_number(json_object *o, const Shown *s, int attribute, const char *key,
		      uint64_t value)
{
	return has(s, attribute) ? json_add_int(o, key, (int64_t)value) : 0;
}

static int add_word(json_object *o, const char *key, const char *word)
{
	return word && *word ? json_add_string(o, key, word) : 0;
}

static int add_args(json_object *o, const Shown *s)
{
	const KernelEvent *e = s->event;
	json_object *array;
	int r;

	if (!has(s, VKERNEL_A_EVENT_ARGS))
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

	r = add_number(o, s, VKERNEL_A_EVENT_PID, "pid", e->pid);
	if (r >= 0)
		r = add_number(o, s, VKERNEL_A_EVENT_TID, "tid", e->tid);
	if (r >= 0)
		r = add_word(o, "comm", s->comm);
	if (r >= 0)
		r = add_number(o, s, VKERNEL_A_EVENT_STATUS, "status", e->status);
	return r;
}

static int add_denied(json_object *o, const Shown *s)
{
	int r;

	r = json_add_string(o, "arch", arch_name(s->event->table));
	if (r >= 0)
		r = add_number(o, s, VKERNEL_A_EVENT_NR, "nr", s->event->nr);
	if (r >= 0)
		r = json_add_string(o, "call", s->call);
	if (r >= 0)
		r = json_add_string(o, "verdict", s->verdict);
	return r < 0 ? r : add_args(o, s);
}

static int add_permissions(json_object *o, const Shown *s, int attribute, const char *key,
			   uint32_t set)
{
	json_object *words = NULL;
	int r;

	if (!has(s, attribute))
		return 0;
	r = permissions_json(s->event->class, set, &words);
	return r < 0 ? r : json_add(o, key, words);
}

static int add_operation(json_object *o, const Shown *s)
{
	const KernelEvent *e = s->event;
	const struct {
		const char *key, *word;
	} words[] = {
		{ "class", s->class },
		{ "operation", s->operation },
		{ "path", s->path },
		{ "target", s->target },
		{ "family", s->family },
		{ "socket_type", s->type },
		{ "capability", s->capability },
		{ "signal", s->signal },
		{ "resource", s->resource },
		{ "label", s->label },
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ELEMENTSOF(words); i++)
		r = add_word(o, words[i].key, words[i].word);
	if (r >= 0)
		r = add_permissions(o, s, VKERNEL_A_EVENT_REQUESTED, "requested", e->requested);
	if (r >= 0)
		r = add_permissions(o, s, VKERNEL_A_EVENT_MISSING, "missing", e->missing);
	return r < 0 ? r : json_add_bool(o, "allowed", s->passed);
}

static int add_kind(json_object *o, const Shown *s)
{
	switch (s->event->kind) {
	case VKERNEL_EVENT_DENIED:
		return add_denied(o, s);
	case VKERNEL_EVENT_CAPABILITY:
		return add_word(o, "capability", s->capability);
	case VKERNEL_EVENT_REFUSED:
	case VKERNEL_EVENT_AUDITED:
		return add_operation(o, s);
	default:
		return 0;
	}
}

/* Of those that are about what a task did. */
static int add_deed(json_object *o, const Shown *s)
{
	const KernelEvent *e = s->event;
	int r;

	if (e->kind != VKERNEL_EVENT_DENIED && e->kind != VKERNEL_EVENT_CAPABILITY &&
	    e->kind != VKERNEL_EVENT_REFUSED && e->kind != VKERNEL_EVENT_AUDITED)
		return 0;
	r = json_add_string(o, "mode", mode_name(e->mode));
	if (r >= 0)
		r = add_kind(o, s);
	return r < 0 ? r : add_number(o, s, VKERNEL_A_EVENT_DROPPED, "dropped", e->dropped);
}

int shown_json(const Shown *s, json_object **ret)
{
	_cleanup_json_ json_object *o = json_object_new_object();
	const KernelEvent *e = s->event;
	int r;

	if (!o)
		return -ENOMEM;
	r = json_add_string(o, "kind", s->kind);
	if (r >= 0)
		r = json_add_int(o, "time", clock_now());
	if (r >= 0)
		r = json_add_int(o, "instance", e->instance);
	if (r >= 0)
		r = json_add_string(o, "container", e->container);
	if (r >= 0)
		r = add_word(o, "digest", s->digest);
	if (r >= 0)
		r = add_task(o, s);
	if (r >= 0)
		r = add_deed(o, s);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(o);
	return 0;
}
