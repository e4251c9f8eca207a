/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <string.h>

#include "vkerneld/api.h"
#include "vkerneld/capability.h"
#include "vkerneld/clock.h"
#include "vkerneld/compose.h"
#include "vkerneld/confine.h"
#include "vkerneld/ensure.h"
#include "vkerneld/log.h"

/* A module may be unloaded between the look at it and the bind. */
#define TRIES 3

typedef struct BindOperation {
	Operation operation;
	Ensure ensure;
	Confining *confining;
	char *container, *image;
	char *apparmor; /* the profile that its configuration names, or NULL */
	bool taken; /* that one is part of the policy */
	json_object *masked, *readonly; /* paths, or NULL */
	uint32_t pid; /* 0: to be prepared, not bound */
	uint64_t capabilities; /* UINT64_MAX: all */
	Composed composed;
	unsigned int tries;
	bool cached;
} BindOperation;

typedef struct BindParameters {
	const char *container;
	int64_t pid;
	Wish wish;
	const char *apparmor;
	json_object *masked, *readonly;
} BindParameters;

static void attempt(BindOperation *b);

static void release(Operation *o)
{
	BindOperation *b = (BindOperation *)o;

	ensure_cancel(&b->ensure);
	confine_cancel(b->confining);
	free(b->container);
	free(b->apparmor);
	free(b->image);
	json_object_put(b->masked);
	json_object_put(b->readonly);
	composed_done(&b->composed);
	free(b);
}

static int fail_bind(const BindOperation *b, int r, Failure *f)
{
	switch (r) {
	case -ESRCH:
		fail_with(f, r, ERROR_NO_SUCH_PROCESS, NULL, NULL);
		failure_add_int(f, "pid", b->pid);
		return r;
	case -EEXIST:
		return fail_with(f, r, ERROR_ALREADY_BOUND, "container", b->container);
	case -EALREADY:
		return fail(f, r, ERROR_FAILED,
			    "a container inside of a container stays on the "
			    "outer one's kernel",
			    "process %u has a virtual kernel already", b->pid);
	case -ENOSPC:
		return fail(f, r, ERROR_FAILED, "stop some containers",
			    "the core has no room for another container");
	default:
		return fail_kernel(f, r, b->operation.manager->kernel, "binding the container");
	}
}

static void log_bound(const BindOperation *b, const KernelInstance *i, const char *digest)
{
	const char *name = b->composed.name;
	char container[192], hex[96], policy[192];
	const char *const fields[] = { container, hex, policy, "VKERNEL_EVENT=bound", NULL };

	snprintf(container, sizeof(container), "VKERNEL_CONTAINER=%s", b->container);
	snprintf(hex, sizeof(hex), "VKERNEL_DIGEST=%s", digest);
	snprintf(policy, sizeof(policy), "VKERNEL_POLICY=%s", name ? name : "");
	log_fields(LOG_INFO, fields,
		   "%s: bound to " VK_MODULE_PREFIX "%.*s (policy %s, instance %u)", b->container,
		   VK_MODULE_DIGITS, digest, name ? name : "of its own", i->id);
}

/* The core holds what counts: a record that can not be written is made good at the next start. */
static void record(const BindOperation *b, const KernelInstance *i)
{
	const DbOrigin origin = composed_origin(&b->composed);
	Manager *m = b->operation.manager;
	char digest[HASH_HEX_SIZE];
	int r;

	policy_digest_hex(b->composed.policy, digest);
	log_bound(b, i, digest);
	/* One of that number that ended while nobody watched. */
	(void)db_instance_end(m->db, m->host.boot, i->id, clock_now());
	r = db_instance_put(m->db, m->host.boot,
			    &(DbInstance){ .instance = i->id,
					   .container = b->container,
					   .image = b->image,
					   .policy = b->composed.name,
					   .digest = digest,
					   .bound = clock_now(),
					   .apparmor = b->taken ? b->apparmor : NULL },
			    &origin);
	if (r < 0)
		log_message(LOG_WARNING, "recording container %s: %s, ignoring", b->container,
			    strerror(-r));
}

/* Where the core can not check them, system calls are filtered all the same. */
static uint64_t checked_capabilities(const BindOperation *b)
{
	Manager *m = b->operation.manager;
	KernelInfo info = {};

	if (b->capabilities == UINT64_MAX || kernel_info(m->kernel, &info) < 0 ||
	    info.features & VKERNEL_FEATURE_CAPABILITY)
		return b->capabilities;
	if (!m->told_unchecked)
		log_message(LOG_WARNING, "this kernel does not let capabilities be checked a "
					 "second time, ignoring");
	m->told_unchecked = true;
	return UINT64_MAX;
}

static int bind_to_core(const BindOperation *b, KernelInstance *ret)
{
	const Manager *m = b->operation.manager;
	KernelBinding want = {
		.container = b->container,
		.digest = b->composed.policy->digest,
		.pid = b->pid,
		.mode = VKERNEL_MODE_ENFORCE,
		.on_claim = m->conf->on_claim_kill ? VKERNEL_CLAIM_KILL : VKERNEL_CLAIM_REFUSE,
		.capabilities = checked_capabilities(b),
	};

	return kernel_bind(m->kernel, &want, ret);
}

static void bind_now(BindOperation *b)
{
	_cleanup_failure_ Failure f = {};
	KernelInstance i = {};
	json_object *reply = NULL;
	int r;

	r = bind_to_core(b, &i);
	if ((r == -ENOENT || r == -ENOPKG) && ++b->tries < TRIES) {
		attempt(b);
		return;
	}
	if (r < 0) {
		r = fail_bind(b, r, &f);
	} else {
		record(b, &i);
		r = api_instance_reply(b->operation.manager, &i, b->cached, &reply);
	}
	operation_end(&b->operation, r, reply, &f);
}

static int prepared_reply(const BindOperation *b, json_object **ret)
{
	_cleanup_json_ json_object *reply = NULL;
	char digest[HASH_HEX_SIZE], module[MODULE_NAME_SIZE];
	int r;

	policy_digest_hex(b->composed.policy, digest);
	policy_module_name(b->composed.policy, module);
	r = api_object("digest", json_object_new_string(digest), &reply);
	if (r >= 0)
		r = json_add_string(reply, "module", module);
	if (r >= 0)
		r = json_add_bool(reply, "apparmor_taken", b->taken);
	if (r >= 0)
		r = json_add_bool(reply, "cached", b->cached);
	if (r >= 0)
		*ret = TAKE_PTR(reply);
	return r;
}

static void end_prepared(BindOperation *b)
{
	_cleanup_failure_ Failure f = {};
	json_object *reply = NULL;
	int r = prepared_reply(b, &reply);

	operation_end(&b->operation, r, reply, &f);
}

static void log_failure(const BindOperation *b, const Failure *f)
{
	char container[192];
	const char *const fields[] = { container, "VKERNEL_EVENT=failed", NULL };

	snprintf(container, sizeof(container), "VKERNEL_CONTAINER=%s", b->container);
	log_fields(LOG_ERR, fields, "%s: %s", b->container, failure_message(f));
}

static void on_loaded(Failure *failure, bool cached, void *userdata)
{
	BindOperation *b = userdata;

	if (failure) {
		log_failure(b, failure);
		operation_end(&b->operation, -EIO, NULL, failure);
		return;
	}
	b->cached = b->cached && cached;
	if (b->pid)
		bind_now(b);
	else
		end_prepared(b);
}

static void end_badly(BindOperation *b, int r, Failure *f)
{
	fail_errno(f, r, "binding the container");
	log_failure(b, f);
	operation_end(&b->operation, r, NULL, f);
}

static void attempt(BindOperation *b)
{
	ensure_loaded(&b->ensure, b->operation.manager, b->composed.policy, on_loaded, b);
}

static int copy(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? -ENOMEM : 0;
}

static uint64_t read_capabilities(const BindParameters *p)
{
	const char *unknown;
	uint64_t set;

	if (!p->wish.capabilities)
		return UINT64_MAX;
	set = capability_set(p->wish.capabilities, &unknown);
	if (unknown)
		log_message(LOG_WARNING, "%s: there is no capability %s, ignoring", p->container,
			    unknown);
	return set;
}

/* AppArmor's word for a task without a profile is no profile. */
static bool names_profile(const char *apparmor)
{
	return apparmor && *apparmor && strcmp(apparmor, VK_LABEL_HOST) != 0;
}

static int prepare(BindOperation *b, const Manager *m, const BindParameters *p, Failure *f)
{
	int r;

	r = api_check_name("container", p->container, f);
	if (r >= 0)
		r = copy(&b->container, p->container);
	if (r >= 0)
		r = copy(&b->image, p->wish.image);
	if (r >= 0 && names_profile(p->apparmor))
		r = copy(&b->apparmor, p->apparmor);
	if (r >= 0)
		r = compose(m, &p->wish, &b->composed, f);
	if (r >= 0)
		b->capabilities = read_capabilities(p);
	b->masked = json_object_get(p->masked);
	b->readonly = json_object_get(p->readonly);
	b->pid = (uint32_t)p->pid;
	b->cached = true;
	return r;
}

static int check_free(const BindOperation *b, Manager *m, Failure *f)
{
	_cleanup_free_ KernelInstance *all = NULL;
	size_t n = 0;
	int r;

	r = kernel_instances(m->kernel, &all, &n);
	/* Without the core nothing is bound; what else it may be shows later. */
	for (size_t i = 0; r >= 0 && i < n; i++)
		if (strcmp(all[i].container, b->container) == 0 &&
		    all[i].state != VKERNEL_STATE_EXITED)
			return fail_bind(b, -EEXIST, f);
	return 0;
}

/* What the core would refuse must not have compiled and loaded anything before. */
static int check_first(const BindOperation *b, Manager *m, Failure *f)
{
	if (ensure_find(m->kernel, b->composed.policy->digest, NULL) >= 0)
		return 0;
	if (b->pid && kill((pid_t)b->pid, 0) < 0 && errno == ESRCH)
		return fail_bind(b, -ESRCH, f);
	return check_free(b, m, f);
}

/* Where the core can not tell paths, they are the runtime's mounts alone. */
static int mask(BindOperation *b, Manager *m, Failure *f)
{
	KernelInfo info = {};
	int r;

	if (!b->masked && !b->readonly)
		return 0;
	r = kernel_info(m->kernel, &info);
	if (r < 0)
		return fail_kernel(f, r, m->kernel, "asking the core");
	if (!(info.features & VKERNEL_FEATURE_CONFINE))
		return 0;
	return compose_masks(m, &b->composed, b->masked, b->readonly, f);
}

static void mask_and_attempt(BindOperation *b)
{
	Manager *m = b->operation.manager;
	_cleanup_failure_ Failure f = {};
	int r = mask(b, m, &f);

	if (r < 0) {
		end_badly(b, r, &f);
		return;
	}
	r = check_first(b, m, &f);
	if (r < 0)
		operation_end(&b->operation, r, NULL, &f);
	else
		attempt(b);
}

static void on_core(Failure *failure, bool cached, void *userdata)
{
	BindOperation *b = userdata;

	if (failure) {
		log_failure(b, failure);
		operation_end(&b->operation, -EIO, NULL, failure);
		return;
	}
	b->cached = b->cached && cached;
	mask_and_attempt(b);
}

/* What the core can enforce is known when it is there. */
static void go_on(BindOperation *b)
{
	Manager *m = b->operation.manager;
	_cleanup_failure_ Failure f = {};
	KernelInfo info = {};
	int r;

	if (kernel_info(m->kernel, &info) != -ENOPKG) {
		mask_and_attempt(b);
		return;
	}
	r = check_first(b, m, &f);
	if (r < 0)
		operation_end(&b->operation, r, NULL, &f);
	else
		ensure_loaded(&b->ensure, m, NULL, on_core, b);
}

static void warn_of(const BindOperation *b, const ConfineOutcome *o)
{
	if (o->host)
		log_message(
			LOG_WARNING,
			"%s: only the host's AppArmor has the profile %s, so vkernel leaves it to "
			"that, ignoring",
			b->container, b->apparmor);
	for (size_t i = 0; i < o->report.n_warnings; i++)
		log_message(LOG_WARNING, "%s: AppArmor profile %s: %s", b->container, b->apparmor,
			    o->report.warnings[i]);
}

static void on_confined(ConfineOutcome *o, void *userdata)
{
	BindOperation *b = userdata;
	_cleanup_failure_ Failure f = {};
	int r;

	b->confining = NULL;
	r = o->result < 0 ? confine_fail(&f, o) : compose_own(&b->composed, o->confinement, &f);
	if (r < 0) {
		end_badly(b, r, &f);
		return;
	}
	b->taken = !o->host;
	warn_of(b, o);
	go_on(b);
}

/* A kept policy of the profile's name goes before what the host has under it. */
static void confine(BindOperation *b)
{
	Manager *m = b->operation.manager;
	const ConfineWish wish = { .name = b->apparmor };
	_cleanup_failure_ Failure f = {};
	Confining *confining;
	int r;

	r = b->apparmor ? compose_kept(m, b->apparmor, &b->composed, &f) : 1;
	if (r > 0) {
		b->taken = b->apparmor;
		go_on(b);
		return;
	}
	if (r == 0)
		r = confine_start(m, &wish, on_confined, b, &confining);
	if (r < 0)
		end_badly(b, r, &f);
	else if (confining)
		b->confining = confining;
}

static int begin(Manager *m, VarlinkCall *call, const BindParameters *p, Failure *f)
{
	BindOperation *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	r = prepare(b, m, p, f);
	if (r < 0) {
		release(&b->operation);
		return r;
	}
	operation_begin(&b->operation, m, call, release);
	confine(b);
	return 0;
}

/* What Prepare takes, and Bind beside the pid. */
#define WISH(field, type_, member) \
	{ .name = field, .type = type_, .nullable = true, .offset = offsetof(BindParameters, member) }
#define WISH_FIELDS                                                \
	{ .name = "container",                                     \
	  .type = VARLINK_STRING,                                  \
	  .offset = offsetof(BindParameters, container) },         \
	WISH("seccomp", VARLINK_OBJECT, wish.seccomp),             \
	WISH("capabilities", VARLINK_STRINGS, wish.capabilities),  \
	WISH("policy", VARLINK_STRING, wish.policy),               \
	WISH("image", VARLINK_STRING, wish.image),                 \
	WISH("apparmor", VARLINK_STRING, apparmor),                \
	WISH("masked_paths", VARLINK_STRINGS, masked),             \
	WISH("readonly_paths", VARLINK_STRINGS, readonly)

int api_prepare(VarlinkCall *call, json_object *parameters, void *userdata)
{
	static const VarlinkField fields[] = { WISH_FIELDS, {} };
	_cleanup_failure_ Failure f = {};
	BindParameters p = {};
	int r;

	if (api_dispatch(call, parameters, fields, &p))
		return 0;
	r = begin(userdata, call, &p, &f);
	return r < 0 ? api_end(call, r, NULL, &f) : 0;
}

int api_bind(VarlinkCall *call, json_object *parameters, void *userdata)
{
	static const VarlinkField fields[] = {
		{ .name = "pid", .type = VARLINK_INT, .offset = offsetof(BindParameters, pid) },
		WISH_FIELDS,
		{},
	};
	_cleanup_failure_ Failure f = {};
	BindParameters p = {};
	int r;

	if (api_dispatch(call, parameters, fields, &p))
		return 0;
	if (p.pid <= 0 || p.pid > INT32_MAX) {
		varlink_error_invalid_parameter(call, "pid");
		return 0;
	}
	r = begin(userdata, call, &p, &f);
	return r < 0 ? api_end(call, r, NULL, &f) : 0;
}
