/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vkerneld/compose.h"

/* What Docker and podman leave in the bounding set when nobody says otherwise. */
static const char *const default_capabilities[] = {
	"CAP_AUDIT_WRITE", "CAP_CHOWN",	  "CAP_DAC_OVERRIDE",	  "CAP_FOWNER",	    "CAP_FSETID",
	"CAP_KILL",	   "CAP_MKNOD",	  "CAP_NET_BIND_SERVICE", "CAP_NET_RAW",    "CAP_SETFCAP",
	"CAP_SETGID",	   "CAP_SETPCAP", "CAP_SETUID",		  "CAP_SYS_CHROOT", NULL
};

#define _cleanup_report_ _cleanup_(profile_report_done)

static int capability_list(json_object *array, const char ***ret)
{
	size_t n = json_object_array_length(array);
	const char **list = calloc(n + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		list[i] = json_object_get_string(json_object_array_get_idx(array, i));
	*ret = list;
	return 0;
}

static int warnings_of(const ProfileReport *report, json_object **ret)
{
	_cleanup_json_ json_object *array = json_object_new_array();
	int r = array ? 0 : -ENOMEM;

	for (size_t i = 0; r >= 0 && i < report->n_warnings; i++)
		r = json_append_string(array, report->warnings[i]);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(array);
	return 0;
}

static int fail_profile(Failure *f, int r, const ProfileReport *report)
{
	switch (r) {
	case -EOPNOTSUPP:
		return fail(f, r, ERROR_UNSUPPORTED, NULL, "%s",
			    report->error ? report->error : "the profile can not be enforced");
	case -EFBIG:
		return fail(f, r, ERROR_INVALID_PROFILE, "a profile may have 4 MiB", "%s",
			    report->error ? report->error : "the profile is too long");
	case -EINVAL:
		return fail(f, r, ERROR_INVALID_PROFILE, NULL, "%s",
			    report->error ? report->error : "the profile is wrong");
	default:
		return fail_errno(f, r, "reading the profile");
	}
}

static int read_for(const Manager *m, const char *profile, size_t size,
		    const char *const *capabilities, Policy **ret, json_object **ret_warnings,
		    Failure *f)
{
	ProfileTarget target = { .capabilities = capabilities };
	_cleanup_report_ ProfileReport report = {};
	_cleanup_free_ Policy *p = NULL;
	int r;

	(void)sscanf(m->host.release, "%u.%u", &target.kernel_major, &target.kernel_minor);
	r = profile_read_seccomp(profile, size, &target, &p, &report);
	if (r < 0)
		return fail_profile(f, r, &report);
	if (ret_warnings) {
		r = warnings_of(&report, ret_warnings);
		if (r < 0)
			return fail_errno(f, r, "reading the profile");
	}
	*ret = TAKE_PTR(p);
	return 0;
}

int compose_read(const Manager *m, const char *profile, size_t size, json_object *capabilities,
		 Policy **ret, json_object **ret_warnings, Failure *f)
{
	_cleanup_free_ const char **list = NULL;
	int r;

	if (!capabilities)
		return read_for(m, profile, size, default_capabilities, ret, ret_warnings, f);
	r = capability_list(capabilities, &list);
	if (r < 0)
		return fail_errno(f, r, "reading the profile");
	return read_for(m, profile, size, list, ret, ret_warnings, f);
}

static int read_named(const Manager *m, const char *name, json_object *capabilities, Policy **ret,
		      Failure *f)
{
	_cleanup_db_policy_ DbPolicy p = {};
	int r;

	r = db_policy_get(m->db, name, &p);
	if (r == -ENOENT)
		return fail_with(f, r, ERROR_NO_SUCH_POLICY, "name", name);
	if (r < 0)
		return fail_errno(f, r, "reading the database");
	return compose_read(m, p.profile, strlen(p.profile), capabilities, ret, NULL, f);
}

int compose_named(const Manager *m, const char *name, Policy **ret, Failure *f)
{
	return read_named(m, name, NULL, ret, f);
}

static int find_name(const Manager *m, const Wish *wish, char **ret, Failure *f)
{
	int r = -ENOENT;

	*ret = NULL;
	if (wish->policy) {
		*ret = strdup(wish->policy);
		r = *ret ? 0 : -ENOMEM;
	} else if (wish->image) {
		r = db_image_policy(m->db, wish->image, ret);
	}
	return r < 0 && r != -ENOENT ? fail_errno(f, r, "looking for the image's policy") : 0;
}

static int read_config(const Manager *m, const Wish *wish, json_object *capabilities, Policy **ret,
		       Failure *f)
{
	size_t size;
	const char *text =
		json_object_to_json_string_length(wish->seccomp, JSON_C_TO_STRING_PLAIN, &size);

	if (!text)
		return fail_errno(f, -ENOMEM, "reading linux.seccomp");
	return compose_read(m, text, size, capabilities, ret, NULL, f);
}

/* Of the named policy (or none) and the container's own (or none). */
static int combine(const Policy *named, const Policy *own, Policy **ret, Failure *f)
{
	const Policy *both[] = { named, own };
	int r;

	if (named && own)
		r = policy_combine(both, 2, ret);
	else if (named || own)
		r = policy_copy(named ? named : own, ret);
	else
		r = policy_new_allow(ret);
	if (r == -E2BIG)
		return fail(f, r, ERROR_INVALID_PROFILE, "simplify the policy or linux.seccomp",
			    "the policy and the container's own profile together are too complex");
	return r < 0 ? fail_errno(f, r, "combining profiles") : 0;
}

void composed_done(Composed *c)
{
	free(c->policy);
	free(c->name);
	db_origin_done(&c->origin);
}

static int compose_for(const Manager *m, const Wish *wish, json_object *capabilities, Composed *ret,
		       Failure *f)
{
	_cleanup_free_ Policy *named = NULL, *own = NULL;
	int r;

	r = find_name(m, wish, &ret->name, f);
	if (r >= 0 && ret->name)
		r = read_named(m, ret->name, capabilities, &named, f);
	if (r >= 0 && wish->seccomp)
		r = read_config(m, wish, capabilities, &own, f);
	if (r >= 0)
		r = combine(named, own, &ret->policy, f);
	if (r >= 0 && own) {
		ret->origin.own_size = policy_size(own);
		ret->origin.own = TAKE_PTR(own);
	}
	return r;
}

static int copy_text(json_object *o, char **ret)
{
	const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);

	*ret = text ? strdup(text) : NULL;
	return *ret ? 0 : -ENOMEM;
}

int compose(const Manager *m, const Wish *wish, Composed *ret, Failure *f)
{
	_cleanup_json_ json_object *none = json_object_new_array();
	_cleanup_composed_ Composed c = {};
	/* A config without a bounding set leaves none. */
	json_object *capabilities = wish->capabilities ? wish->capabilities : none;
	int r;

	if (!capabilities)
		return fail_errno(f, -ENOMEM, "reading profiles");
	r = compose_for(m, wish, capabilities, &c, f);
	if (r < 0)
		return r;
	r = copy_text(capabilities, &c.origin.capabilities);
	if (r < 0)
		return fail_errno(f, r, "reading profiles");
	*ret = c;
	c = (Composed){};
	return 0;
}

static int read_origin(const DbOrigin *origin, json_object **ret_capabilities, Policy **ret_own)
{
	*ret_capabilities = json_tokener_parse(origin->capabilities);
	if (!json_object_is_type(*ret_capabilities, json_type_array))
		return -EUCLEAN;
	return origin->own ? policy_load(origin->own, origin->own_size, ret_own) : 0;
}

int compose_again(const Manager *m, const char *name, const DbOrigin *origin, Policy **ret,
		  Failure *f)
{
	_cleanup_free_ Policy *named = NULL, *own = NULL;
	_cleanup_json_ json_object *capabilities = NULL;
	int r;

	r = read_origin(origin, &capabilities, &own);
	if (r == -EUCLEAN)
		return fail(f, r, ERROR_FAILED, "start the container anew with the policy",
			    "the record of the container's own rules cannot be read");
	if (r < 0)
		return fail_errno(f, r, "reading the container's own rules");
	r = read_named(m, name, capabilities, &named, f);
	return r < 0 ? r : combine(named, own, ret, f);
}
