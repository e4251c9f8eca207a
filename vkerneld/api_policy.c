/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vkerneld/api.h"
#include "vkerneld/compose.h"
#include "vkerneld/confinement.h"
#include "vkerneld/ensure.h"
#include "vkerneld/names.h"
#include "vkerneld/use.h"

/* What the kernel has is asked for once a reply. */
typedef struct Listing {
	Manager *manager;
	json_object *array;
	KernelPolicy *loaded;
	size_t n_loaded;
	Use use;
} Listing;

static void listing_init(Listing *l, Manager *m)
{
	*l = (Listing){ .manager = m };
	if (kernel_policies(m->kernel, &l->loaded, &l->n_loaded) < 0)
		l->loaded = NULL;
	(void)use_read(m, &l->use);
}

static void listing_done(Listing *l)
{
	json_object_put(l->array);
	free(l->loaded);
	use_done(&l->use);
}

static bool is_loaded(const Listing *l, const char *digest)
{
	char hex[HASH_HEX_SIZE];

	for (size_t i = 0; i < l->n_loaded; i++) {
		hex_encode(l->loaded[i].digest, VK_DIGEST_SIZE, hex);
		if (strcmp(hex, digest) == 0)
			return true;
	}
	return false;
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
	int r;

	r = json_add_bool(o, "built",
			  db_build_exists(l->manager->db, p->digest, l->manager->host.release));
	if (r >= 0)
		r = json_add_bool(o, "loaded", is_loaded(l, p->digest));
	if (r >= 0)
		r = json_add_int(o, "instances", (int64_t)use_count(&l->use, p->name, p->digest));
	return r < 0 ? r : json_add_int(o, "added", p->added);
}

static int add_source(json_object *o, const DbPolicy *p)
{
	int r;

	r = json_add_string(o, "source",
			    !p->apparmor  ? "seccomp"
			    : *p->profile ? "both"
					  : "apparmor");
	if (r < 0 || !p->apparmor)
		return r;
	r = json_add_string(o, "apparmor_profile", p->apparmor_profile);
	if (r >= 0)
		r = json_add_bool(o, "allow_unmediated", p->allow_unmediated);
	return r < 0 ? r : json_add_bool(o, "exec_inherit", p->exec_inherit);
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
		r = add_source(o, p);
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

int api_policy_json(Manager *m, const char *name, json_object **ret, Failure *f)
{
	_cleanup_db_policy_ DbPolicy kept = {};
	int r = get_policy(m, name, &kept, f);

	return r < 0 ? r : named_json(m, &kept, ret);
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

int api_describe(const Policy *p, json_object *reply)
{
	json_object *calls = NULL, *confinements = NULL;
	int r;

	r = policy_describe(p, &calls);
	if (r >= 0)
		r = json_add(reply, "calls", calls);
	if (r >= 0)
		r = confinements_json(p, &confinements);
	return r < 0 ? r : json_add(reply, "confinements", confinements);
}

static int describe(Manager *m, const char *name, json_object **ret, Failure *f)
{
	_cleanup_json_ json_object *reply = NULL;
	_cleanup_free_ Policy *policy = NULL;
	_cleanup_db_policy_ DbPolicy kept = {};
	int r;

	/* First, as it may renew what is kept. */
	r = compose_named(m, name, &policy, f);
	if (r >= 0)
		r = get_policy(m, name, &kept, f);
	if (r >= 0)
		r = named_json(m, &kept, &reply);
	if (r >= 0)
		r = json_add_string(reply, "profile", kept.profile);
	if (r >= 0)
		r = json_add_string(reply, "apparmor", kept.apparmor);
	if (r >= 0)
		r = api_describe(policy, reply);
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
