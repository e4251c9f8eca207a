/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vkerneld/api.h"
#include "vkerneld/ensure.h"
#include "vkerneld/kmod.h"
#include "vkerneld/log.h"
#include "vkerneld/names.h"
#include "vkerneld/use.h"

typedef struct Unload {
	Operation operation;
	Task *task;
	char (*modules)[sizeof((KernelPolicy){}.module)]; /* to unload, in order */
	size_t n;
	char *wanted; /* the digest of the only one; NULL: as many as can be */
	bool core;
} Unload;

typedef struct UnloadParameters {
	const char *module;
	bool core;
} UnloadParameters;

static int module_json(const KernelPolicy *p, json_object **ret)
{
	_cleanup_json_ json_object *o = json_object_new_object();
	char digest[HASH_HEX_SIZE];
	int r;

	if (!o)
		return -ENOMEM;
	hex_encode(p->digest, sizeof(p->digest), digest);
	r = json_add_string(o, "name", p->module);
	if (r >= 0)
		r = json_add_string(o, "digest", digest);
	if (r >= 0)
		r = json_add_int(o, "instances", p->instances);
	if (r >= 0)
		r = json_add_int(o, "hooks", p->hooks);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(o);
	return 0;
}

/* Without the core there are none. */
static int list(Manager *m, KernelPolicy **ret, size_t *ret_n, Failure *f)
{
	int r;

	*ret = NULL;
	*ret_n = 0;
	r = kernel_policies(m->kernel, ret, ret_n);
	return r < 0 && r != -ENOPKG ? fail_kernel(f, r, m->kernel, "listing modules") : 0;
}

static int fill_list(Manager *m, json_object *array, Failure *f)
{
	_cleanup_free_ KernelPolicy *all = NULL;
	size_t n;
	int r;

	r = list(m, &all, &n, f);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		json_object *o = NULL;

		r = module_json(&all[i], &o);
		if (r >= 0)
			r = json_append(array, o);
	}
	return r;
}

int api_list_modules(VarlinkCall *call, json_object *parameters, void *userdata)
{
	return api_answer_list(call, parameters, "modules", fill_list, userdata);
}

/* Those that run on the policy of that name or on a module of that digest; digest: NULL for all. */
static int add_containers(Manager *m, const char *name, const char *digest, json_object *array)
{
	_cleanup_use_ Use u = {};
	int r;

	r = use_read(m, &u);
	for (size_t i = 0; r >= 0 && i < u.n; i++)
		if (!digest || use_is_of(&u, i, name, digest))
			r = json_append_string(array, u.instances[i].container);
	return r;
}

static int fail_in_use(Manager *m, const char *name, const char *digest, Failure *f)
{
	_cleanup_json_ json_object *containers = json_object_new_array();

	fail_with(f, -EBUSY, ERROR_IN_USE, "name", name);
	if (containers && f->parameters && add_containers(m, name, digest, containers) >= 0)
		(void)json_add(f->parameters, "containers", TAKE_PTR(containers));
	return -EBUSY;
}

static int fail_busy(Manager *m, const char *name, const KernelPolicy *p, Failure *f)
{
	char digest[HASH_HEX_SIZE];

	hex_encode(p->digest, sizeof(p->digest), digest);
	return fail_in_use(m, name, digest, f);
}

/* A policy without a module of its own can be part of others. */
static int fail_not_loaded(Manager *m, const char *name, const char *digest, Failure *f)
{
	_cleanup_use_ Use u = {};

	if (use_read(m, &u) >= 0 && use_count(&u, name, digest) > 0)
		return fail_in_use(m, name, digest, f);
	return fail_with(f, -ENOENT, ERROR_NO_SUCH_MODULE, "module", name);
}

static void release(Operation *o)
{
	Unload *u = (Unload *)o;

	task_free(u->task);
	free(u->modules);
	free(u->wanted);
	free(u);
}

static bool is_loaded(const char *module)
{
	_cleanup_free_ char *path = NULL;

	return asprintf(&path, "/sys/module/%s", module) >= 0 && access(path, F_OK) == 0;
}

static int unloaded_json(const Unload *u, json_object **ret)
{
	_cleanup_json_ json_object *array = json_object_new_array();
	int r = array ? 0 : -ENOMEM;

	for (size_t i = 0; r >= 0 && i < u->n; i++)
		if (!is_loaded(u->modules[i]))
			r = json_append_string(array, u->modules[i]);
	return r < 0 ? r : api_object("unloaded", TAKE_PTR(array), ret);
}

static bool is_busy(int r)
{
	return r == -EWOULDBLOCK || r == -EBUSY;
}

static int fail_unload(const Unload *u, int r, Failure *f)
{
	const char *first = u->modules[0];

	for (size_t i = 0; i < u->n; i++)
		if (is_loaded(u->modules[i])) {
			first = u->modules[i];
			break;
		}
	if (is_busy(r))
		return fail_in_use(u->operation.manager, first, u->wanted, f);
	if (r == -EPERM)
		return fail(f, r, ERROR_UNSUPPORTED, "kernel.modules_disabled may be set",
			    "the kernel refuses to unload %s", first);
	return fail(f, r, ERROR_FAILED, NULL, "unloading %s: %s", first, strerror(-r));
}

/* A container may have begun to use one since, which is no matter where all are to go that can. */
static void on_unloaded(int result, void *userdata)
{
	Unload *u = userdata;
	_cleanup_failure_ Failure f = {};
	json_object *reply = NULL;
	int r;

	u->task = NULL;
	if (result < 0 && !(is_busy(result) && !u->wanted && !u->core))
		r = fail_unload(u, result, &f);
	else
		r = unloaded_json(u, &reply);
	for (size_t i = 0; r >= 0 && i < u->n; i++)
		if (!is_loaded(u->modules[i]))
			log_fields(LOG_INFO, (const char *const[]){ "VKERNEL_EVENT=unload", NULL },
				   "unloaded %s", u->modules[i]);
	operation_end(&u->operation, r, reply, &f);
}

static void add(Unload *u, const char *module)
{
	snprintf(u->modules[u->n++], sizeof(*u->modules), "%s", module);
}

/* By its own name, by the digest, or a beginning of it that has as many digits as the name. */
static bool is_called(const KernelPolicy *p, const char *name)
{
	char digest[HASH_HEX_SIZE];

	hex_encode(p->digest, sizeof(p->digest), digest);
	return strcmp(p->module, name) == 0 ||
	       (strlen(name) >= VK_MODULE_DIGITS && strncmp(digest, name, strlen(name)) == 0);
}

int api_digest_of(Manager *m, const char *name, char **ret, Failure *f)
{
	_cleanup_db_policy_ DbPolicy p = {};
	int r = db_policy_get(m->db, name, &p);

	if (r < 0 && r != -ENOENT)
		return fail_errno(f, r, "reading the database");
	*ret = strdup(r >= 0 ? p.digest : name);
	return *ret ? 0 : -ENOMEM;
}

static int choose_one(Unload *u, Manager *m, const char *name, const KernelPolicy *all, size_t n,
		      Failure *f)
{
	_cleanup_free_ char *wanted = NULL;
	char digest[HASH_HEX_SIZE];
	int r;

	r = api_digest_of(m, name, &wanted, f);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (!is_called(&all[i], wanted))
			continue;
		if (all[i].instances > 0)
			return fail_busy(m, name, &all[i], f);
		add(u, all[i].module);
		hex_encode(all[i].digest, sizeof(all[i].digest), digest);
		u->wanted = strdup(digest);
		return u->wanted ? 0 : -ENOMEM;
	}
	return fail_not_loaded(m, name, wanted, f);
}

/* Of all modules those that no container uses; the core last, if it is left alone. */
static int choose(Unload *u, Manager *m, const UnloadParameters *p, Failure *f)
{
	_cleanup_free_ KernelPolicy *all = NULL;
	size_t n;
	int r;

	r = list(m, &all, &n, f);
	if (r < 0)
		return r;
	u->core = p->core;
	u->modules = calloc(n + 1, sizeof(*u->modules));
	if (!u->modules)
		return -ENOMEM;
	if (p->module) {
		r = choose_one(u, m, p->module, all, n, f);
	} else {
		for (size_t i = 0; i < n; i++)
			if (all[i].instances == 0)
				add(u, all[i].module);
	}
	if (r < 0 || !p->core || kernel_probe(m->kernel) < 0)
		return r;
	if (u->n < n)
		return fail_in_use(m, CORE_MODULE, NULL, f);
	add(u, CORE_MODULE);
	return 0;
}

static int start(Unload *u, Manager *m)
{
	const char **names = calloc(u->n + 1, sizeof(*names));
	int r;

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < u->n; i++)
		names[i] = u->modules[i];
	r = kmod_unload(m->event, names, on_unloaded, u, &u->task);
	free(names);
	return r;
}

static int begin(Manager *m, VarlinkCall *call, const UnloadParameters *p, Failure *f)
{
	Unload *u = calloc(1, sizeof(*u));
	int r;

	if (!u)
		return -ENOMEM;
	r = choose(u, m, p, f);
	if (r >= 0)
		r = start(u, m);
	if (r < 0) {
		release(&u->operation);
		return r;
	}
	operation_begin(&u->operation, m, call, release);
	return 0;
}

int api_unload(VarlinkCall *call, json_object *parameters, void *userdata)
{
	static const VarlinkField fields[] = {
		{ .name = "module",
		  .type = VARLINK_STRING,
		  .nullable = true,
		  .offset = offsetof(UnloadParameters, module) },
		{ .name = "core",
		  .type = VARLINK_BOOL,
		  .nullable = true,
		  .offset = offsetof(UnloadParameters, core) },
		{},
	};
	_cleanup_failure_ Failure f = {};
	UnloadParameters p = {};
	int r;

	if (api_dispatch(call, parameters, fields, &p))
		return 0;
	r = begin(userdata, call, &p, &f);
	return r < 0 ? api_end(call, r, NULL, &f) : 0;
}
