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
	json_object *images; /* of each policy, where it has some */
	char (*loaded)[HASH_HEX_SIZE]; /* digests */
	size_t n_loaded;
	Use use;
} Listing;

static void read_loaded(Listing *l)
{
	_cleanup_free_ KernelPolicy *all = NULL;
	size_t n;

	if (kernel_policies(l->manager->kernel, &all, &n) < 0)
		return;
	l->loaded = calloc(n + 1, sizeof(*l->loaded));
	for (size_t i = 0; l->loaded && i < n; i++)
		hex_encode(all[i].digest, VK_DIGEST_SIZE, l->loaded[l->n_loaded++]);
}

static void listing_init(Listing *l, Manager *m)
{
	*l = (Listing){ .manager = m };
	read_loaded(l);
	(void)use_read(m, &l->use);
}

static void listing_done(Listing *l)
{
	json_object_put(l->array);
	json_object_put(l->images);
	free(l->loaded);
	use_done(&l->use);
}

static bool is_loaded(const Listing *l, const char *digest)
{
	for (size_t i = 0; i < l->n_loaded; i++)
		if (strcmp(l->loaded[i], digest) == 0)
			return true;
	return false;
}

static int append_image(const char *image, void *userdata)
{
	return json_append_string(userdata, image);
}

static int images_of(Manager *m, const char *name, json_object **ret)
{
	_cleanup_json_ json_object *images = json_object_new_array();
	int r = images ? db_images(m->db, name, append_image, images) : -ENOMEM;

	if (r >= 0)
		*ret = TAKE_PTR(images);
	return r;
}

/* Patterns, by policies. */
static int collect_image(const char *policy, const char *pattern, void *userdata)
{
	json_object *of = json_get_array(userdata, policy);
	int r = 0;

	if (!of) {
		of = json_object_new_array();
		r = json_add(userdata, policy, of);
	}
	return r < 0 ? r : json_append_string(of, pattern);
}

/* images: taken over. */
static int add_use(const Listing *l, json_object *o, const DbPolicy *p, bool built,
		   json_object *images)
{
	int r;

	r = json_add(o, "images", images);
	if (r >= 0)
		r = json_add_bool(o, "built", built);
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

/* What of it stands in its own row. */
static int policy_json(const DbPolicy *p, json_object **ret)
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
	if (r < 0)
		return r;
	*ret = TAKE_PTR(o);
	return 0;
}

static int named_json(Manager *m, const DbPolicy *p, json_object **ret)
{
	_cleanup_(listing_done) Listing l = {};
	_cleanup_json_ json_object *o = NULL;
	json_object *images = NULL;
	int r;

	listing_init(&l, m);
	r = policy_json(p, &o);
	if (r >= 0)
		r = images_of(m, p->name, &images);
	if (r >= 0)
		r = add_use(&l, o, p, db_build_exists(m->db, p->digest, m->host.release), images);
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

static json_object *listed_images(const Listing *l, const char *policy)
{
	json_object *images = json_get_array(l->images, policy);

	return images ? json_object_get(images) : json_object_new_array();
}

static int append_policy(const DbPolicy *p, bool built, void *userdata)
{
	_cleanup_json_ json_object *o = NULL;
	Listing *l = userdata;
	int r;

	r = policy_json(p, &o);
	if (r >= 0)
		r = add_use(l, o, p, built, listed_images(l, p->name));
	return r < 0 ? r : json_append(l->array, TAKE_PTR(o));
}

static int fill_list(Manager *m, json_object *array, Failure *f)
{
	_cleanup_(listing_done) Listing l = {};
	int r;

	listing_init(&l, m);
	l.array = json_object_get(array);
	l.images = json_object_new_object();
	r = l.images ? db_images_all(m->db, collect_image, l.images) : -ENOMEM;
	return r < 0 ? r : db_policies(m->db, m->host.release, append_policy, &l);
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
