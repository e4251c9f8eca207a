/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vkerneld/api.h"
#include "vkerneld/clock.h"
#include "vkerneld/compose.h"
#include "vkerneld/ensure.h"
#include "vkerneld/log.h"
#include "vkerneld/names.h"

#define PATTERN_MAX 512

/* What the kernel has is asked for once a reply. */
typedef struct Listing {
	Manager *manager;
	json_object *array;
	KernelPolicy *loaded;
	size_t n_loaded;
} Listing;

static void listing_init(Listing *l, Manager *m)
{
	*l = (Listing){ .manager = m };
	if (kernel_policies(m->kernel, &l->loaded, &l->n_loaded) < 0)
		l->loaded = NULL;
}

static void listing_done(Listing *l)
{
	json_object_put(l->array);
	free(l->loaded);
}

static const KernelPolicy *find_loaded(const Listing *l, const char *digest)
{
	char hex[HASH_HEX_SIZE];

	for (size_t i = 0; i < l->n_loaded; i++) {
		hex_encode(l->loaded[i].digest, VK_DIGEST_SIZE, hex);
		if (strcmp(hex, digest) == 0)
			return &l->loaded[i];
	}
	return NULL;
}

static int append_image(const char *image, void *userdata)
{
	return json_append_string(userdata, image);
}

static int add_images(const Listing *l, json_object *o, const char *name)
{
	json_object *images = json_object_new_array();
	int r;

	r = json_add(o, "images", images);
	return r < 0 ? r : db_images(l->manager->db, name, append_image, images);
}

static int add_use(const Listing *l, json_object *o, const DbPolicy *p)
{
	const KernelPolicy *loaded = find_loaded(l, p->digest);
	int r;

	r = json_add_bool(o, "built",
			  db_build_exists(l->manager->db, p->digest, l->manager->host.release));
	if (r >= 0)
		r = json_add_bool(o, "loaded", loaded);
	if (r >= 0)
		r = json_add_int(o, "instances", loaded ? loaded->instances : 0);
	return r < 0 ? r : json_add_int(o, "added", p->added);
}

static int policy_json(const Listing *l, const DbPolicy *p, json_object **ret)
{
	_cleanup_json_ json_object *o = json_object_new_object();
	char module[MODULE_NAME_SIZE];
	int r;

	if (!o)
		return -ENOMEM;
	snprintf(module, sizeof(module), VK_MODULE_PREFIX "%.*s", VK_MODULE_DIGITS, p->digest);
	r = json_add_string(o, "name", p->name);
	if (r >= 0)
		r = json_add_string(o, "digest", p->digest);
	if (r >= 0)
		r = json_add_string(o, "module", module);
	if (r >= 0)
		r = json_add_string(o, "source", "seccomp");
	if (r >= 0)
		r = add_images(l, o, p->name);
	if (r >= 0)
		r = add_use(l, o, p);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(o);
	return 0;
}

static int named_json(Manager *m, const DbPolicy *p, json_object **ret)
{
	_cleanup_(listing_done) Listing l = {};
	_cleanup_json_ json_object *o = NULL;
	int r;

	listing_init(&l, m);
	r = policy_json(&l, p, &o);
	return r < 0 ? r : api_object("policy", TAKE_PTR(o), ret);
}

static int get_policy(Manager *m, const char *name, DbPolicy *ret, Failure *f)
{
	int r = db_policy_get(m->db, name, ret);

	if (r == -ENOENT)
		return fail_with(f, r, ERROR_NO_SUCH_POLICY, "name", name);
	return r < 0 ? fail_errno(f, r, "reading the database") : 0;
}

typedef struct AddParameters {
	const char *name, *profile;
	json_object *images;
} AddParameters;

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

static int store(Manager *m, const AddParameters *p, const Policy *policy, json_object *warnings,
		 Failure *f)
{
	_cleanup_free_ const char **patterns = NULL;
	char digest[HASH_HEX_SIZE];
	int r;

	r = pattern_list(p->images, &patterns, f);
	if (r >= 0)
		r = warn_moved(m, p->name, patterns, warnings);
	if (r < 0)
		return r;
	policy_digest_hex(policy, digest);
	r = db_policy_put(m->db, p->name, digest, p->profile, patterns, clock_now());
	if (r < 0)
		return fail_errno(f, r, "keeping the policy");
	log_fields(LOG_INFO, (const char *const[]){ "VKERNEL_EVENT=policy", NULL },
		   "policy %s is %.*s now", p->name, VK_MODULE_DIGITS, digest);
	return 0;
}

static int add(Manager *m, const AddParameters *p, json_object **ret, Failure *f)
{
	_cleanup_json_ json_object *warnings = NULL, *reply = NULL;
	_cleanup_free_ Policy *policy = NULL;
	_cleanup_db_policy_ DbPolicy kept = {};
	int r;

	r = api_check_name("policy", p->name, f);
	if (r >= 0)
		r = compose_read(m, p->profile, strlen(p->profile), NULL, &policy, &warnings, f);
	if (r >= 0)
		r = store(m, p, policy, warnings, f);
	if (r >= 0)
		r = get_policy(m, p->name, &kept, f);
	if (r >= 0)
		r = named_json(m, &kept, &reply);
	if (r >= 0)
		r = json_add(reply, "warnings", TAKE_PTR(warnings));
	if (r < 0)
		return r;
	*ret = TAKE_PTR(reply);
	return 0;
}

int api_add_policy(VarlinkCall *call, json_object *parameters, void *userdata)
{
	static const VarlinkField fields[] = {
		{ .name = "name", .type = VARLINK_STRING, .offset = offsetof(AddParameters, name) },
		{ .name = "profile",
		  .type = VARLINK_STRING,
		  .offset = offsetof(AddParameters, profile) },
		{ .name = "images",
		  .type = VARLINK_STRINGS,
		  .nullable = true,
		  .offset = offsetof(AddParameters, images) },
		{},
	};
	_cleanup_failure_ Failure f = {};
	AddParameters p = {};
	json_object *reply = NULL;
	int r;

	if (api_dispatch(call, parameters, fields, &p))
		return 0;
	r = add(userdata, &p, &reply, &f);
	return api_end(call, r, reply, &f);
}

static int append_policy(const DbPolicy *p, void *userdata)
{
	Listing *l = userdata;
	json_object *o;
	int r;

	r = policy_json(l, p, &o);
	return r < 0 ? r : json_append(l->array, o);
}

static int fill_list(Manager *m, json_object *array, Failure *f)
{
	_cleanup_(listing_done) Listing l = {};

	listing_init(&l, m);
	l.array = json_object_get(array);
	return db_policies(m->db, append_policy, &l);
}

int api_list_policies(VarlinkCall *call, json_object *parameters, void *userdata)
{
	return api_answer_list(call, parameters, "policies", fill_list, userdata);
}

static const VarlinkField name_field[] = {
	{ .name = "name", .type = VARLINK_STRING },
	{},
};

static int describe(Manager *m, const char *name, json_object **ret, Failure *f)
{
	_cleanup_json_ json_object *calls = NULL, *reply = NULL;
	_cleanup_free_ Policy *policy = NULL;
	_cleanup_db_policy_ DbPolicy kept = {};
	int r;

	r = get_policy(m, name, &kept, f);
	if (r >= 0)
		r = compose_named(m, name, &policy, f);
	if (r >= 0)
		r = policy_describe(policy, &calls);
	if (r >= 0)
		r = named_json(m, &kept, &reply);
	if (r >= 0)
		r = json_add_string(reply, "profile", kept.profile);
	if (r >= 0)
		r = json_add(reply, "calls", TAKE_PTR(calls));
	if (r < 0)
		return r;
	*ret = TAKE_PTR(reply);
	return 0;
}

int api_get_policy(VarlinkCall *call, json_object *parameters, void *userdata)
{
	_cleanup_failure_ Failure f = {};
	const char *name = NULL;
	json_object *reply = NULL;
	int r;

	if (api_dispatch(call, parameters, name_field, &name))
		return 0;
	r = describe(userdata, name, &reply, &f);
	return api_end(call, r, reply, &f);
}

int api_remove_policy(VarlinkCall *call, json_object *parameters, void *userdata)
{
	_cleanup_failure_ Failure f = {};
	Manager *m = userdata;
	const char *name = NULL;
	int r;

	if (api_dispatch(call, parameters, name_field, &name))
		return 0;
	r = db_policy_remove(m->db, name);
	if (r == -ENOENT)
		fail_with(&f, r, ERROR_NO_SUCH_POLICY, "name", name);
	return api_end(call, r, NULL, &f);
}

typedef struct CheckParameters {
	const char *profile;
	json_object *capabilities;
} CheckParameters;

static int check(Manager *m, const CheckParameters *p, json_object **ret, Failure *f)
{
	_cleanup_json_ json_object *warnings = NULL, *calls = NULL, *reply = NULL;
	_cleanup_free_ Policy *policy = NULL;
	char digest[HASH_HEX_SIZE];
	int r;

	r = compose_read(m, p->profile, strlen(p->profile), p->capabilities, &policy, &warnings, f);
	if (r >= 0)
		r = policy_describe(policy, &calls);
	if (r >= 0)
		r = api_object("calls", TAKE_PTR(calls), &reply);
	if (r < 0)
		return r;
	policy_digest_hex(policy, digest);
	r = json_add_string(reply, "digest", digest);
	if (r >= 0)
		r = json_add(reply, "warnings", TAKE_PTR(warnings));
	if (r < 0)
		return r;
	*ret = TAKE_PTR(reply);
	return 0;
}

int api_check_policy(VarlinkCall *call, json_object *parameters, void *userdata)
{
	static const VarlinkField fields[] = {
		{ .name = "profile",
		  .type = VARLINK_STRING,
		  .offset = offsetof(CheckParameters, profile) },
		{ .name = "capabilities",
		  .type = VARLINK_STRINGS,
		  .nullable = true,
		  .offset = offsetof(CheckParameters, capabilities) },
		{},
	};
	_cleanup_failure_ Failure f = {};
	CheckParameters p = {};
	json_object *reply = NULL;
	int r;

	if (api_dispatch(call, parameters, fields, &p))
		return 0;
	r = check(userdata, &p, &reply, &f);
	return api_end(call, r, reply, &f);
}
