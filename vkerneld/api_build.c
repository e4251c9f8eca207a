/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/api.h"
#include "vkerneld/compose.h"
#include "vkerneld/ensure.h"

typedef struct BuildOperation {
	Operation operation;
	Policy *policy;
} BuildOperation;

static int build_json(const DbBuild *b, json_object **ret)
{
	_cleanup_json_ json_object *o = json_object_new_object();
	int r;

	if (!o)
		return -ENOMEM;
	r = json_add_string(o, "digest", b->digest);
	if (r >= 0)
		r = json_add_string(o, "kernel", b->kernel);
	if (r >= 0)
		r = json_add_string(o, "outcome", b->outcome);
	if (r >= 0)
		r = json_add_int(o, "started", b->started);
	if (r >= 0)
		r = json_add_int(o, "duration_ms", b->duration_ms);
	if (r >= 0)
		r = json_add_int(o, "size", b->size);
	if (r >= 0)
		r = json_add_int(o, "last_use", b->last_use);
	if (r >= 0)
		r = json_add_string(o, "output", b->output);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(o);
	return 0;
}

static int result_json(Manager *m, const BuildResult *result, json_object **ret)
{
	_cleanup_json_ json_object *o = NULL, *reply = NULL;
	_cleanup_db_build_ DbBuild build = {};
	int r;

	r = db_build_get(m->db, result->key, &build);
	if (r >= 0)
		r = build_json(&build, &o);
	if (r >= 0)
		r = api_object("build", TAKE_PTR(o), &reply);
	if (r >= 0)
		r = json_add_string(reply, "module", result->module);
	if (r >= 0)
		r = json_add_bool(reply, "cached", result->cached);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(reply);
	return 0;
}

static void on_built(const BuildResult *result, void *userdata)
{
	BuildOperation *b = userdata;
	_cleanup_failure_ Failure f = {};
	json_object *reply = NULL;
	int r;

	if (result->failure) {
		failure_copy(&f, result->failure);
		r = -EIO;
	} else {
		r = result_json(b->operation.manager, result, &reply);
	}
	operation_end(&b->operation, r, reply, &f);
}

static void release(Operation *o)
{
	BuildOperation *b = (BuildOperation *)o;

	free(b->policy);
	free(b);
}

/* One that is not loaded may do; binding a container will tell. */
static int check_core(const Manager *m, const Policy *policy, Failure *f)
{
	KernelInfo info = {};

	return kernel_info(m->kernel, &info) < 0 ? 0 : ensure_supported(&info, policy, f);
}

static int begin(Manager *m, VarlinkCall *call, const char *name, Failure *f)
{
	BuildOperation *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	r = compose_named(m, name, &b->policy, f);
	if (r >= 0)
		r = check_core(m, b->policy, f);
	if (r < 0) {
		release(&b->operation);
		return r;
	}
	operation_begin(&b->operation, m, call, release);
	r = builder_request(m->builder, b->policy, on_built, b, f);
	if (r < 0)
		operation_end(&b->operation, r, NULL, f);
	return 0;
}

int api_build(VarlinkCall *call, json_object *parameters, void *userdata)
{
	static const VarlinkField fields[] = {
		{ .name = "policy", .type = VARLINK_STRING },
		{},
	};
	_cleanup_failure_ Failure f = {};
	const char *name = NULL;
	int r;

	if (api_dispatch(call, parameters, fields, &name))
		return 0;
	r = begin(userdata, call, name, &f);
	return r < 0 ? api_end(call, r, NULL, &f) : 0;
}

static int append_build(const DbBuild *b, void *userdata)
{
	json_object *o;
	int r;

	r = build_json(b, &o);
	return r < 0 ? r : json_append(userdata, o);
}

static int fill_list(Manager *m, json_object *array, Failure *f)
{
	return db_builds(m->db, append_build, array);
}

int api_list_builds(VarlinkCall *call, json_object *parameters, void *userdata)
{
	return api_answer_list(call, parameters, "builds", fill_list, userdata);
}
