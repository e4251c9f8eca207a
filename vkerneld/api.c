/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <string.h>

#include "vkerneld/api.h"

const VarlinkMethod api_methods[] = {
	{ .name = "AddPolicy", .handler = api_add_policy },
	{ .name = "ListPolicies", .handler = api_list_policies },
	{ .name = "GetPolicy", .handler = api_get_policy },
	{ .name = "RemovePolicy", .handler = api_remove_policy },
	{ .name = "CheckPolicy", .handler = api_check_policy },
	{ .name = "Build", .handler = api_build },
	{ .name = "ListBuilds", .handler = api_list_builds },
	{ .name = "ListCache", .handler = api_list_cache },
	{ .name = "CollectCache", .handler = api_collect_cache },
	{ .name = "RemoveCached", .handler = api_remove_cached },
	{ .name = "VerifyCache", .handler = api_verify_cache },
	{ .name = "Export", .handler = api_export },
	{ .name = "Import", .handler = api_import },
	{ .name = "Prepare", .handler = api_prepare },
	{ .name = "Bind", .handler = api_bind },
	{ .name = "ApplyPolicy", .handler = api_apply_policy },
	{ .name = "Unbind", .handler = api_unbind },
	{ .name = "List", .handler = api_list },
	{ .name = "Inspect", .handler = api_inspect },
	{ .name = "SetMode", .handler = api_set_mode },
	{ .name = "ListModules", .handler = api_list_modules },
	{ .name = "Unload", .handler = api_unload },
	{ .name = "Status", .handler = api_status },
	{ .name = "Monitor", .handler = api_monitor, .more = true },
	{},
};

void api_fail(VarlinkCall *call, Failure *f)
{
	if (!f->error)
		fail(f, -EIO, ERROR_FAILED, NULL, "it failed for an unknown reason");
	varlink_error(call, f->error, TAKE_PTR(f->parameters));
}

int api_end(VarlinkCall *call, int r, json_object *reply, Failure *f)
{
	if (r >= 0) {
		varlink_reply(call, reply);
		return 0;
	}
	json_object_put(reply);
	fail_errno(f, r, "answering");
	api_fail(call, f);
	return 0;
}

int api_dispatch(VarlinkCall *call, json_object *parameters, const VarlinkField *fields,
		 void *structure)
{
	const char *bad;

	if (varlink_dispatch(parameters, fields, structure, &bad) >= 0)
		return 0;
	varlink_error_invalid_parameter(call, bad);
	return 1;
}

static bool good_name(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > VKERNEL_CONTAINER_MAX || !isalnum((unsigned char)name[0]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("._-+:@", name[i]))
			return false;
	return true;
}

int api_check_name(const char *what, const char *name, Failure *f)
{
	if (good_name(name))
		return 0;
	return fail(
		f, -EINVAL, ERROR_FAILED, "choose another name",
		"the name of a %s is 1 to %u letters, digits and . _ - + : @, and begins with a "
		"letter or digit",
		what, VKERNEL_CONTAINER_MAX);
}

int api_object(const char *key, json_object *value, json_object **ret)
{
	_cleanup_json_ json_object *o = json_object_new_object();
	int r;

	if (!o) {
		json_object_put(value);
		return -ENOMEM;
	}
	r = json_add(o, key, value);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(o);
	return 0;
}

static int answer(VarlinkCall *call, json_object *parameters, const char *key, ApiFill fill,
		  Manager *m, bool reads)
{
	static const VarlinkField fields[] = { {} };
	_cleanup_json_ json_object *array = NULL;
	_cleanup_failure_ Failure f = {};
	json_object *reply = NULL;
	int r;

	if (api_dispatch(call, parameters, fields, NULL))
		return 0;
	array = json_object_new_array();
	if (reads)
		db_view(m->db);
	r = array ? fill(m, array, &f) : -ENOMEM;
	if (reads)
		db_view_end(m->db);
	if (r >= 0)
		r = api_object(key, TAKE_PTR(array), &reply);
	return api_end(call, r, reply, &f);
}

int api_answer_list(VarlinkCall *call, json_object *parameters, const char *key, ApiFill fill,
		    Manager *m)
{
	return answer(call, parameters, key, fill, m, true);
}

int api_answer_changes(VarlinkCall *call, json_object *parameters, const char *key, ApiFill fill,
		       Manager *m)
{
	return answer(call, parameters, key, fill, m, false);
}

void operation_begin(Operation *o, Manager *m, VarlinkCall *call, void (*release)(Operation *o))
{
	o->manager = m;
	o->call = call;
	o->free = release;
	o->next = m->operations;
	m->operations = o;
}

static void operation_unlink(Operation *o)
{
	Operation **at = &o->manager->operations;

	while (*at && *at != o)
		at = &(*at)->next;
	if (*at)
		*at = o->next;
}

void operation_end(Operation *o, int r, json_object *reply, Failure *f)
{
	VarlinkCall *call = o->call;

	operation_unlink(o);
	(void)api_end(call, r, reply, f);
	o->free(o);
}

void operations_done(Manager *m)
{
	while (m->operations) {
		_cleanup_failure_ Failure f = {};

		fail(&f, -ECANCELED, ERROR_FAILED, "try again", "vkerneld stops");
		operation_end(m->operations, -ECANCELED, NULL, &f);
	}
}
