/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <string.h>

#include "vkerneld/api.h"
#include "vkerneld/capability.h"
#include "vkerneld/ensure.h"
#include "vkerneld/events.h"
#include "vkerneld/names.h"

typedef struct Instances {
	KernelInstance *all;
	size_t n;
} Instances;

static void instances_done(Instances *i)
{
	free(i->all);
}
#define _cleanup_instances_ _cleanup_(instances_done)

static int add_identity(json_object *o, const KernelInstance *i)
{
	char digest[HASH_HEX_SIZE], module[MODULE_NAME_SIZE];
	int r;

	hex_encode(i->digest, sizeof(i->digest), digest);
	module_name(i->digest, module);
	r = json_add_int(o, "id", i->id);
	if (r >= 0)
		r = json_add_string(o, "container", i->container);
	if (r >= 0)
		r = json_add_string(o, "digest", digest);
	if (r >= 0)
		r = json_add_string(o, "module", module);
	return r;
}

static int add_state(json_object *o, const KernelInstance *i)
{
	int r;

	r = json_add_int(o, "pid", i->pid);
	if (r >= 0)
		r = json_add_string(o, "state", state_name(i->state));
	if (r >= 0)
		r = json_add_string(o, "mode", mode_name(i->mode));
	if (r >= 0)
		r = json_add_string(o, "scope", scope_name(i->scope));
	if (r >= 0)
		r = json_add_int(o, "checked", (int64_t)i->checked);
	if (r >= 0)
		r = json_add_int(o, "denied", (int64_t)i->denied);
	if (r >= 0)
		r = json_add_int(o, "dropped", (int64_t)i->dropped);
	return r;
}

/* Without a list it has all. */
static int add_capabilities(json_object *o, const KernelInstance *i)
{
	json_object *list = NULL;
	int r = 0;

	if (!capability_set_is_full(i->capabilities)) {
		r = capability_set_json(i->capabilities, &list);
		if (r >= 0)
			r = json_add(o, "capabilities", list);
	}
	if (r >= 0)
		r = json_add_string(o, "on_claim", claim_name(i->on_claim));
	if (r >= 0)
		r = json_add_int(o, "claims", (int64_t)i->claims);
	return r;
}

/* How often confinements did not permit an operation. */
static int add_refused(json_object *o, const KernelInstance *i)
{
	json_object *refused = json_object_new_object();
	int r;

	r = json_add(o, "refused", refused);
	for (uint32_t c = 0; r >= 0 && c < VK_NR_CLASSES; c++)
		r = json_add_int(refused, class_name(c), (int64_t)i->refused[c]);
	return r;
}

/* What only the database knows. */
static int add_record(json_object *o, const KernelInstance *i, const DbInstance *known)
{
	int r;

	if (strcmp(known->container, i->container) != 0)
		return 0;
	r = json_add_string(o, "image", known->image);
	if (r >= 0)
		r = json_add_string(o, "policy", known->policy);
	if (r >= 0)
		r = json_add_string(o, "apparmor", known->apparmor);
	return r < 0 ? r : json_add_int(o, "bound", known->bound);
}

/* What the kernel knows. */
static int instance_json(const KernelInstance *i, json_object **ret)
{
	_cleanup_json_ json_object *o = json_object_new_object();
	int r;

	if (!o)
		return -ENOMEM;
	r = add_identity(o, i);
	if (r >= 0)
		r = add_state(o, i);
	if (r >= 0)
		r = add_capabilities(o, i);
	if (r >= 0)
		r = add_refused(o, i);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(o);
	return 0;
}

int api_instance_json(Manager *m, const KernelInstance *i, json_object **ret)
{
	_cleanup_db_instance_ DbInstance known = {};
	_cleanup_json_ json_object *o = NULL;
	int r, q;

	r = db_instance_get(m->db, m->host.boot, i->id, &known);
	if (r < 0 && r != -ENOENT)
		return r;
	q = instance_json(i, &o);
	if (q >= 0 && r >= 0)
		q = add_record(o, i, &known);
	if (q < 0)
		return q;
	*ret = TAKE_PTR(o);
	return 0;
}

int api_instance_reply(Manager *m, const KernelInstance *i, bool cached, json_object **ret)
{
	_cleanup_json_ json_object *o = NULL, *reply = NULL;
	int r;

	r = api_instance_json(m, i, &o);
	if (r >= 0)
		r = api_object("instance", TAKE_PTR(o), &reply);
	if (r >= 0)
		r = json_add_bool(reply, "cached", cached);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(reply);
	return 0;
}

static int list(Manager *m, Instances *ret, Failure *f)
{
	int r = kernel_instances(m->kernel, &ret->all, &ret->n);

	if (r == -ENOPKG)
		return 0;
	return r < 0 ? fail_kernel(f, r, m->kernel, "listing instances") : 0;
}

/* Of one name, the one that runs, or else the last. */
static const KernelInstance *find_exact(const Instances *l, const char *container)
{
	const KernelInstance *found = NULL;

	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->all[i].container, container) == 0 &&
		    (!found || found->state == VKERNEL_STATE_EXITED))
			found = &l->all[i];
	return found;
}

static const KernelInstance *find_id(const Instances *l, const char *text)
{
	char *end;
	unsigned long id;

	if (!isdigit((unsigned char)text[0]))
		return NULL;
	id = strtoul(text, &end, 10);
	for (size_t i = 0; !*end && i < l->n; i++)
		if (l->all[i].id == id)
			return &l->all[i];
	return NULL;
}

static bool begins(const KernelInstance *i, const char *container)
{
	return strncmp(i->container, container, strlen(container)) == 0;
}

static int fail_ambiguous(const Instances *l, const char *container, Failure *f)
{
	json_object *matches = json_object_new_array();

	fail_with(f, -ENOTUNIQ, ERROR_AMBIGUOUS, "container", container);
	for (size_t i = 0; matches && i < l->n; i++)
		if (begins(&l->all[i], container))
			(void)json_append_string(matches, l->all[i].container);
	if (matches && f->parameters)
		(void)json_add(f->parameters, "matches", matches);
	else
		json_object_put(matches);
	return -ENOTUNIQ;
}

static int find_prefix(const Instances *l, const char *container, const KernelInstance **ret,
		       Failure *f)
{
	const KernelInstance *found = NULL;

	for (size_t i = 0; i < l->n; i++) {
		if (!begins(&l->all[i], container))
			continue;
		if (found && strcmp(found->container, l->all[i].container) != 0)
			return fail_ambiguous(l, container, f);
		found = &l->all[i];
	}
	if (!found)
		return fail_with(f, -ENOENT, ERROR_NO_SUCH_CONTAINER, "container", container);
	*ret = find_exact(l, found->container);
	return 0;
}

static int find(const Instances *l, const char *container, const KernelInstance **ret, Failure *f)
{
	const KernelInstance *found = find_exact(l, container);

	if (!found)
		found = find_id(l, container);
	if (!found && container[0])
		return find_prefix(l, container, ret, f);
	if (!found)
		return fail_with(f, -ENOENT, ERROR_NO_SUCH_CONTAINER, "container", container);
	*ret = found;
	return 0;
}

/* Lists what there is and finds one of it, which belongs to the list. */
static int look_up(Manager *m, const char *container, Instances *l, const KernelInstance **ret,
		   Failure *f)
{
	int r = list(m, l, f);

	return r < 0 ? r : find(l, container, ret, f);
}

int api_find_instance(Manager *m, const char *container, KernelInstance *ret, Failure *f)
{
	_cleanup_instances_ Instances l = {};
	const KernelInstance *found;
	int r;

	r = look_up(m, container, &l, &found, f);
	if (r >= 0)
		*ret = *found;
	return r;
}

static const VarlinkField container_field[] = {
	{ .name = "container", .type = VARLINK_STRING },
	{},
};

static int unbind(Manager *m, const char *container, Failure *f)
{
	_cleanup_instances_ Instances l = {};
	const KernelInstance *found;
	json_object *containers;
	int r;

	r = list(m, &l, f);
	if (r < 0)
		return r;
	/* A beginning of a name is for people; who unbinds knows the container. */
	found = find_exact(&l, container);
	if (!found)
		return fail_with(f, -ENOENT, ERROR_NO_SUCH_CONTAINER, "container", container);
	r = kernel_unbind(m->kernel, found);
	if (r != -EBUSY)
		return r < 0 && r != -ENOENT ? fail_kernel(f, r, m->kernel, "unbinding") : 0;
	fail_with(f, r, ERROR_IN_USE, "name", container);
	containers = json_object_new_array();
	if (containers && f->parameters) {
		(void)json_append_string(containers, container);
		(void)json_add(f->parameters, "containers", containers);
	}
	return r;
}

int api_unbind(VarlinkCall *call, json_object *parameters, void *userdata)
{
	_cleanup_failure_ Failure f = {};
	const char *container = NULL;
	int r;

	if (api_dispatch(call, parameters, container_field, &container))
		return 0;
	r = unbind(userdata, container, &f);
	return api_end(call, r, NULL, &f);
}

/* The kernel's instances, by their numbers, and what is said of each. */
typedef struct Listing {
	const Instances *instances;
	json_object *array;
} Listing;

static int compare_ids(const void *a, const void *b)
{
	uint32_t x = ((const KernelInstance *)a)->id, y = ((const KernelInstance *)b)->id;

	return (x > y) - (x < y);
}

static int add_known(const DbInstance *known, void *userdata)
{
	const Listing *l = userdata;
	const KernelInstance key = { .id = (uint32_t)known->instance }, *found;

	found = bsearch(&key, l->instances->all, l->instances->n, sizeof(key), compare_ids);
	if (!found)
		return 0;
	return add_record(json_object_array_get_idx(l->array, (size_t)(found - l->instances->all)),
			  found, known);
}

static int fill_list(Manager *m, json_object *array, Failure *f)
{
	_cleanup_instances_ Instances l = {};
	Listing listing = { &l, array };
	int r;

	r = list(m, &l, f);
	if (r < 0 || l.n == 0)
		return r;
	qsort(l.all, l.n, sizeof(*l.all), compare_ids);
	for (size_t i = 0; r >= 0 && i < l.n; i++) {
		json_object *o = NULL;

		r = instance_json(&l.all[i], &o);
		if (r >= 0)
			r = json_append(array, o);
	}
	return r < 0 ? r : db_instances(m->db, m->host.boot, add_known, &listing);
}

int api_list(VarlinkCall *call, json_object *parameters, void *userdata)
{
	return api_answer_list(call, parameters, "instances", fill_list, userdata);
}

static int call_json(const KernelCall *c, json_object **ret)
{
	_cleanup_json_ json_object *o = json_object_new_object();
	_cleanup_free_ char *name = call_name(c->table, c->nr);
	int r;

	if (!o)
		return -ENOMEM;
	r = json_add_string(o, "arch", arch_name(c->table));
	if (r >= 0)
		r = json_add_int(o, "nr", c->nr);
	if (r >= 0)
		r = json_add_string(o, "name", name);
	if (r >= 0)
		r = json_add_int(o, "denied", (int64_t)c->denied);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(o);
	return 0;
}

static int add_calls(Manager *m, uint32_t id, json_object *reply, Failure *f)
{
	_cleanup_free_ KernelCall *calls = NULL;
	json_object *array = json_object_new_array();
	size_t n = 0;
	int r;

	r = json_add(reply, "calls", array);
	if (r < 0)
		return r;
	r = kernel_calls(m->kernel, id, &calls, &n);
	if (r < 0)
		return fail_kernel(f, r, m->kernel, "listing refused calls");
	for (size_t i = 0; r >= 0 && i < n; i++) {
		json_object *o = NULL;

		r = call_json(&calls[i], &o);
		if (r >= 0)
			r = json_append(array, o);
	}
	return r;
}

static int inspect(Manager *m, const char *container, json_object **ret, Failure *f)
{
	_cleanup_json_ json_object *o = NULL, *reply = NULL;
	_cleanup_instances_ Instances l = {};
	const KernelInstance *found;
	int r;

	r = look_up(m, container, &l, &found, f);
	if (r >= 0)
		r = api_instance_json(m, found, &o);
	if (r >= 0)
		r = api_object("instance", TAKE_PTR(o), &reply);
	if (r >= 0)
		r = add_calls(m, found->id, reply, f);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(reply);
	return 0;
}

int api_inspect(VarlinkCall *call, json_object *parameters, void *userdata)
{
	_cleanup_failure_ Failure f = {};
	const char *container = NULL;
	json_object *reply = NULL;
	int r;

	if (api_dispatch(call, parameters, container_field, &container))
		return 0;
	r = inspect(userdata, container, &reply, &f);
	return api_end(call, r, reply, &f);
}

typedef struct ModeParameters {
	const char *container, *mode;
} ModeParameters;

static const char *const modes[] = { "enforce", "audit", NULL };

static int set_mode(Manager *m, const ModeParameters *p, json_object **ret, Failure *f)
{
	uint32_t mode = strcmp(p->mode, modes[1]) == 0 ? VKERNEL_MODE_AUDIT : VKERNEL_MODE_ENFORCE;
	KernelInstance now = {};
	json_object *o = NULL;
	int r;

	r = api_find_instance(m, p->container, &now, f);
	if (r < 0)
		return r;
	r = kernel_set_mode(m->kernel, &now, mode);
	if (r < 0)
		return fail_kernel(f, r, m->kernel, "setting the mode");
	now.mode = mode;
	r = api_instance_json(m, &now, &o);
	return r < 0 ? r : api_object("instance", o, ret);
}

int api_set_mode(VarlinkCall *call, json_object *parameters, void *userdata)
{
	static const VarlinkField fields[] = {
		{ .name = "container",
		  .type = VARLINK_STRING,
		  .offset = offsetof(ModeParameters, container) },
		{ .name = "mode",
		  .type = VARLINK_STRING,
		  .offset = offsetof(ModeParameters, mode),
		  .values = modes },
		{},
	};
	_cleanup_failure_ Failure f = {};
	ModeParameters p = {};
	json_object *reply = NULL;
	int r;

	if (api_dispatch(call, parameters, fields, &p))
		return 0;
	r = set_mode(userdata, &p, &reply, &f);
	return api_end(call, r, reply, &f);
}

int api_monitor(VarlinkCall *call, json_object *parameters, void *userdata)
{
	static const VarlinkField fields[] = {
		{ .name = "container", .type = VARLINK_STRING, .nullable = true },
		{},
	};
	_cleanup_failure_ Failure f = {};
	const char *container = NULL;
	int r;

	if (api_dispatch(call, parameters, fields, &container))
		return 0;
	r = events_watch(userdata, call, container);
	return r < 0 ? api_end(call, r, NULL, &f) : 0;
}
