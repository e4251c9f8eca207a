/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Another policy for a container that runs. */
#include <string.h>

#include "vkerneld/api.h"
#include "vkerneld/compose.h"
#include "vkerneld/ensure.h"
#include "vkerneld/log.h"

/* A module may be unloaded between the look at it and its use. */
#define TRIES 3

typedef struct ApplyOperation {
	Operation operation;
	Ensure ensure;
	KernelInstance instance;
	char *name; /* of the policy */
	Policy *policy;
	unsigned int tries;
	bool cached;
} ApplyOperation;

typedef struct ApplyParameters {
	const char *container, *policy;
} ApplyParameters;

static void attempt(ApplyOperation *a);

static void release(Operation *o)
{
	ApplyOperation *a = (ApplyOperation *)o;

	ensure_cancel(&a->ensure);
	free(a->name);
	free(a->policy);
	free(a);
}

static void log_applied(const ApplyOperation *a, const char *digest)
{
	char container[192], hex[96], policy[192];
	const char *const fields[] = { container, hex, policy, "VKERNEL_EVENT=applied", NULL };

	snprintf(container, sizeof(container), "VKERNEL_CONTAINER=%s", a->instance.container);
	snprintf(hex, sizeof(hex), "VKERNEL_DIGEST=%s", digest);
	snprintf(policy, sizeof(policy), "VKERNEL_POLICY=%s", a->name);
	log_fields(LOG_INFO, fields,
		   "%s: runs on " VK_MODULE_PREFIX "%.*s from now on (policy %s, instance %u)",
		   a->instance.container, VK_MODULE_DIGITS, digest, a->name, a->instance.id);
}

/* The core holds what counts: a record that can not be written is made good at the next start. */
static void record(const ApplyOperation *a)
{
	Manager *m = a->operation.manager;
	char digest[HASH_HEX_SIZE];
	int r;

	policy_digest_hex(a->policy, digest);
	log_applied(a, digest);
	r = db_instance_policy(m->db, m->host.boot, a->instance.id, a->name, digest);
	if (r < 0)
		log_message(LOG_WARNING, "recording the policy of container %s: %s, ignoring",
			    a->instance.container, strerror(-r));
}

static bool is_on_it(const ApplyOperation *a)
{
	return memcmp(a->instance.digest, a->policy->digest, VK_DIGEST_SIZE) == 0;
}

static void succeed(ApplyOperation *a)
{
	_cleanup_failure_ Failure f = {};
	json_object *reply = NULL;
	int r;

	memcpy(a->instance.digest, a->policy->digest, VK_DIGEST_SIZE);
	record(a);
	r = api_instance_reply(a->operation.manager, &a->instance, a->cached, &reply);
	operation_end(&a->operation, r, reply, &f);
}

/* The core knows the instance no more, or it has another container's number by now. */
static bool is_gone(const ApplyOperation *a)
{
	_cleanup_free_ KernelInstance *all = NULL;
	size_t n = 0;
	int r = kernel_instances(a->operation.manager->kernel, &all, &n);

	for (size_t i = 0; r >= 0 && i < n; i++)
		if (all[i].id == a->instance.id &&
		    strcmp(all[i].container, a->instance.container) == 0)
			return false;
	return r >= 0 || r == -ENOPKG;
}

static void apply_now(ApplyOperation *a)
{
	Kernel *k = a->operation.manager->kernel;
	_cleanup_failure_ Failure f = {};
	int r;

	r = kernel_set_policy(k, &a->instance, a->policy->digest);
	if (r >= 0) {
		succeed(a);
		return;
	}
	if (r == -ENOENT && is_gone(a)) {
		fail_with(&f, r, ERROR_NO_SUCH_CONTAINER, "container", a->instance.container);
	} else if (r == -ENOENT && ++a->tries < TRIES) {
		attempt(a);
		return;
	} else {
		fail_kernel(&f, r, k, "giving the container another policy");
	}
	operation_end(&a->operation, r, NULL, &f);
}

static void log_failure(const ApplyOperation *a, const Failure *f)
{
	char container[192];
	const char *const fields[] = { container, "VKERNEL_EVENT=failed", NULL };

	snprintf(container, sizeof(container), "VKERNEL_CONTAINER=%s", a->instance.container);
	log_fields(LOG_ERR, fields, "%s: keeps its policy: %s", a->instance.container,
		   failure_message(f));
}

static void on_loaded(Failure *failure, bool cached, void *userdata)
{
	ApplyOperation *a = userdata;

	if (failure) {
		log_failure(a, failure);
		operation_end(&a->operation, -EIO, NULL, failure);
		return;
	}
	a->cached = a->cached && cached;
	apply_now(a);
}

static void attempt(ApplyOperation *a)
{
	ensure_loaded(&a->ensure, a->operation.manager, a->policy, on_loaded, a);
}

/* Without a record of the container's own rules they would be gone with the policy that it has. */
static int read_origin(const ApplyOperation *a, Manager *m, DbOrigin *ret, Failure *f)
{
	_cleanup_db_instance_ DbInstance known = {};
	int r;

	r = db_instance_get(m->db, m->host.boot, a->instance.id, &known);
	if (r >= 0 && strcmp(known.container, a->instance.container) != 0)
		r = -ENODATA;
	if (r >= 0)
		r = db_instance_origin(m->db, m->host.boot, a->instance.id, ret);
	if (r == -ENOENT || r == -ENODATA)
		return fail(f, r, ERROR_FAILED, "start the container anew with the policy",
			    "nobody wrote down what rules of its own %s was started with, and "
			    "they must not be lost",
			    a->instance.container);
	return r < 0 ? fail_errno(f, r, "reading the database") : 0;
}

static int prepare(ApplyOperation *a, Manager *m, const ApplyParameters *p, Failure *f)
{
	_cleanup_db_origin_ DbOrigin origin = {};
	int r;

	a->cached = true;
	a->name = strdup(p->policy);
	if (!a->name)
		return -ENOMEM;
	r = api_find_instance(m, p->container, &a->instance, f);
	if (r >= 0)
		r = read_origin(a, m, &origin, f);
	return r < 0 ? r : compose_again(m, p->policy, &origin, &a->policy, f);
}

static int begin(Manager *m, VarlinkCall *call, const ApplyParameters *p, Failure *f)
{
	ApplyOperation *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	r = prepare(a, m, p, f);
	if (r < 0) {
		release(&a->operation);
		return r;
	}
	operation_begin(&a->operation, m, call, release);
	if (is_on_it(a))
		succeed(a);
	else
		attempt(a);
	return 0;
}

int api_apply_policy(VarlinkCall *call, json_object *parameters, void *userdata)
{
	static const VarlinkField fields[] = {
		{ .name = "container",
		  .type = VARLINK_STRING,
		  .offset = offsetof(ApplyParameters, container) },
		{ .name = "policy",
		  .type = VARLINK_STRING,
		  .offset = offsetof(ApplyParameters, policy) },
		{},
	};
	_cleanup_failure_ Failure f = {};
	ApplyParameters p = {};
	int r;

	if (api_dispatch(call, parameters, fields, &p))
		return 0;
	r = begin(userdata, call, &p, &f);
	return r < 0 ? api_end(call, r, NULL, &f) : 0;
}
