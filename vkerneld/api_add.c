/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Profiles come in: to be kept as a policy, or only to be looked at. */
#include <string.h>

#include "vkerneld/api.h"
#include "vkerneld/clock.h"
#include "vkerneld/compose.h"
#include "vkerneld/confine.h"
#include "vkerneld/log.h"
#include "vkerneld/names.h"

#define PATTERN_MAX 512

typedef struct AddParameters {
	const char *name; /* NULL: it is not kept */
	const char *profile, *apparmor, *apparmor_profile; /* or NULL */
	bool allow_unmediated, exec_inherit;
	json_object *images, *capabilities;
} AddParameters;

typedef struct AddOperation {
	Operation operation;
	json_object *parameters; /* what p points into */
	AddParameters p;
	Confining *confining;
	struct vk_confinement *confinement;
	Policy *policy;
	json_object *warnings;
} AddOperation;

static void release(Operation *operation)
{
	AddOperation *o = (AddOperation *)operation;

	confine_cancel(o->confining);
	json_object_put(o->parameters);
	json_object_put(o->warnings);
	free(o->confinement);
	free(o->policy);
	free(o);
}

static bool good_pattern(const char *pattern)
{
	size_t n = strlen(pattern);

	for (size_t i = 0; i < n; i++)
		if (pattern[i] <= ' ' || pattern[i] > '~')
			return false;
	return n > 0 && n <= PATTERN_MAX;
}

/* NULL-terminated, to be freed; the strings are the array's. */
static int pattern_list(json_object *images, const char ***ret, Failure *f)
{
	size_t n = images ? json_object_array_length(images) : 0;
	_cleanup_free_ const char **list = calloc(n + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		list[i] = json_object_get_string(json_object_array_get_idx(images, i));
		if (!good_pattern(list[i]))
			return fail(f, -EINVAL, ERROR_FAILED,
				    "write it like docker.io/library/nginx:* ",
				    "images[%zu]: a reference or pattern is 1 to %u printable "
				    "characters without spaces",
				    i, PATTERN_MAX);
	}
	*ret = TAKE_PTR(list);
	return 0;
}

/* A pattern leads to one policy, so the new one takes it from another. */
static int warn_moved(Manager *m, const char *name, const char *const *patterns,
		      json_object *warnings)
{
	int r = 0;

	for (; r >= 0 && *patterns; patterns++) {
		_cleanup_free_ char *other = NULL, *text = NULL;

		if (db_pattern_policy(m->db, *patterns, &other) < 0 || strcmp(other, name) == 0)
			continue;
		if (asprintf(&text, "image %s was mapped to policy %s, and is mapped to %s now",
			     *patterns, other, name) < 0) {
			text = NULL;
			return -ENOMEM;
		}
		r = json_append_string(warnings, text);
	}
	return r;
}

static ConfineWish wish_of(const AddParameters *p)
{
	return (ConfineWish){
		.text = p->apparmor,
		.profile = p->apparmor_profile,
		.allow_unmediated = p->allow_unmediated,
		.exec_inherit = p->exec_inherit,
	};
}

/* As the database has it, which copies the strings. */
static DbPolicy kept_of(const AddOperation *o, const char *digest, const char *stamp)
{
	const AddParameters *p = &o->p;

	return (DbPolicy){
		.name = (char *)p->name,
		.digest = (char *)digest,
		.profile = (char *)(p->profile ? p->profile : ""),
		.added = clock_now(),
		.apparmor = (char *)p->apparmor,
		.apparmor_profile = (char *)p->apparmor_profile,
		.allow_unmediated = p->allow_unmediated,
		.exec_inherit = p->exec_inherit,
		.confinement = { .data = o->confinement,
				 .size = o->confinement ? o->confinement->size : 0 },
		.compiled = (char *)stamp,
	};
}

static int put(AddOperation *o, const char *const *patterns, Failure *f)
{
	const ConfineWish wish = wish_of(&o->p);
	_cleanup_free_ char *stamp = wish.text ? confine_stamp(&wish) : NULL;
	char digest[HASH_HEX_SIZE];
	DbPolicy kept;
	int r;

	if (wish.text && !stamp)
		return -ENOMEM;
	policy_digest_hex(o->policy, digest);
	kept = kept_of(o, digest, stamp);
	r = db_policy_put(o->operation.manager->db, &kept, patterns);
	if (r < 0)
		return fail_errno(f, r, "keeping the policy");
	log_fields(LOG_INFO, (const char *const[]){ "VKERNEL_EVENT=policy", NULL },
		   "policy %s is %.*s now", o->p.name, VK_MODULE_DIGITS, digest);
	return 0;
}

static int keep(AddOperation *o, json_object **ret, Failure *f)
{
	Manager *m = o->operation.manager;
	_cleanup_free_ const char **patterns = NULL;
	int r;

	r = pattern_list(o->p.images, &patterns, f);
	if (r >= 0)
		r = warn_moved(m, o->p.name, patterns, o->warnings);
	if (r >= 0)
		r = put(o, patterns, f);
	return r < 0 ? r : api_policy_json(m, o->p.name, ret, f);
}

static int describe(const AddOperation *o, json_object **ret)
{
	_cleanup_json_ json_object *reply = json_object_new_object();
	char digest[HASH_HEX_SIZE];
	int r;

	if (!reply)
		return -ENOMEM;
	policy_digest_hex(o->policy, digest);
	r = json_add_string(reply, "digest", digest);
	if (r >= 0)
		r = api_describe(o->policy, reply);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(reply);
	return 0;
}

static void finish(AddOperation *o, int r, Failure *f)
{
	_cleanup_json_ json_object *reply = NULL;

	if (r >= 0)
		r = compose_confine(&o->policy, o->confinement, f);
	if (r >= 0)
		r = o->p.name ? keep(o, &reply, f) : describe(o, &reply);
	if (r >= 0)
		r = json_add(reply, "warnings", TAKE_PTR(o->warnings));
	operation_end(&o->operation, r, r < 0 ? NULL : TAKE_PTR(reply), f);
}

static void on_confined(ConfineOutcome *outcome, void *userdata)
{
	AddOperation *o = userdata;
	_cleanup_failure_ Failure f = {};
	int r = 0;

	o->confining = NULL;
	if (outcome->result < 0)
		r = confine_fail(&f, outcome);
	o->confinement = TAKE_PTR(outcome->confinement);
	for (size_t i = 0; r >= 0 && i < outcome->report.n_warnings; i++)
		r = json_append_string(o->warnings, outcome->report.warnings[i]);
	finish(o, r, &f);
}

static int read_parts(AddOperation *o, Failure *f)
{
	const AddParameters *p = &o->p;
	const char *profile = p->profile ? p->profile : "";
	int r = 0;

	if (!p->apparmor && !p->profile)
		return fail_with(f, -EINVAL, VARLINK_ERROR_INVALID_PARAMETER, "parameter",
				 "profile");
	if (!p->apparmor && !*profile)
		return fail(f, -EINVAL, ERROR_INVALID_PROFILE, NULL, "the profile is empty");
	if (p->name)
		r = api_check_name("policy", p->name, f);
	if (r >= 0)
		r = compose_read(o->operation.manager, profile, strlen(profile), p->capabilities,
				 &o->policy, &o->warnings, f);
	if (r >= 0 && !o->warnings)
		o->warnings = json_object_new_array();
	return r < 0 || o->warnings ? r : -ENOMEM;
}

static int begin(Manager *m, VarlinkCall *call, json_object *parameters, const AddParameters *p)
{
	AddOperation *o = calloc(1, sizeof(*o));
	const ConfineWish wish = wish_of(p);
	_cleanup_failure_ Failure f = {};
	int r;

	if (!o)
		return api_end(call, -ENOMEM, NULL, &f);
	o->parameters = json_object_get(parameters);
	o->p = *p;
	operation_begin(&o->operation, m, call, release);
	r = read_parts(o, &f);
	if (r >= 0 && p->apparmor) {
		r = confine_start(m, &wish, on_confined, o, &o->confining);
		if (r >= 0)
			return 0;
	}
	finish(o, r, &f);
	return 0;
}

int api_add_policy(VarlinkCall *call, json_object *parameters, void *userdata)
{
	static const VarlinkField fields[] = {
		{ .name = "name", .type = VARLINK_STRING, .offset = offsetof(AddParameters, name) },
		{ .name = "profile",
		  .type = VARLINK_STRING,
		  .nullable = true,
		  .offset = offsetof(AddParameters, profile) },
		{ .name = "images",
		  .type = VARLINK_STRINGS,
		  .nullable = true,
		  .offset = offsetof(AddParameters, images) },
		{ .name = "apparmor",
		  .type = VARLINK_STRING,
		  .nullable = true,
		  .offset = offsetof(AddParameters, apparmor) },
		{ .name = "apparmor_profile",
		  .type = VARLINK_STRING,
		  .nullable = true,
		  .offset = offsetof(AddParameters, apparmor_profile) },
		{ .name = "allow_unmediated",
		  .type = VARLINK_BOOL,
		  .nullable = true,
		  .offset = offsetof(AddParameters, allow_unmediated) },
		{ .name = "exec_inherit",
		  .type = VARLINK_BOOL,
		  .nullable = true,
		  .offset = offsetof(AddParameters, exec_inherit) },
		{},
	};
	AddParameters p = {};

	return api_dispatch(call, parameters, fields, &p) ? 0
							  : begin(userdata, call, parameters, &p);
}

int api_check_policy(VarlinkCall *call, json_object *parameters, void *userdata)
{
	static const VarlinkField fields[] = {
		{ .name = "profile",
		  .type = VARLINK_STRING,
		  .nullable = true,
		  .offset = offsetof(AddParameters, profile) },
		{ .name = "capabilities",
		  .type = VARLINK_STRINGS,
		  .nullable = true,
		  .offset = offsetof(AddParameters, capabilities) },
		{ .name = "apparmor",
		  .type = VARLINK_STRING,
		  .nullable = true,
		  .offset = offsetof(AddParameters, apparmor) },
		{ .name = "apparmor_profile",
		  .type = VARLINK_STRING,
		  .nullable = true,
		  .offset = offsetof(AddParameters, apparmor_profile) },
		{ .name = "allow_unmediated",
		  .type = VARLINK_BOOL,
		  .nullable = true,
		  .offset = offsetof(AddParameters, allow_unmediated) },
		{ .name = "exec_inherit",
		  .type = VARLINK_BOOL,
		  .nullable = true,
		  .offset = offsetof(AddParameters, exec_inherit) },
		{},
	};
	AddParameters p = {};

	return api_dispatch(call, parameters, fields, &p) ? 0
							  : begin(userdata, call, parameters, &p);
}
