/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vkerneld/compose.h"
#include "vkerneld/confine.h"
#include "vkerneld/build/hash.h"
#include "vkerneld/log.h"
#include "vkerneld/profile/mask.h"
#include "vkerneld/profile/report.h"

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
	case -E2BIG:
		return fail(f, r, ERROR_INVALID_PROFILE, NULL, "%s",
			    report->error ? report->error : "the profile is wrong");
	case -EIO:
	case -EBADMSG:
		return fail(f, r, ERROR_FAILED, NULL, "%s",
			    report->error ? report->error : "the profile's reader fails");
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
	r = profile_read_isolated(profile, size, &target, m->profile_uid, m->profile_gid, &p,
				  &report);
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

static int read_again(const Manager *m, const char *profile, size_t size,
		      const char *const *capabilities, Policy **ret, Failure *f)
{
	char key[HASH_HEX_SIZE];
	int r;

	reading_key(profile, size, capabilities, key);
	r = reading_recall(m->readings, key, ret);
	if (r != -ENOENT)
		return r < 0 ? fail_errno(f, r, "reading the profile") : 0;
	r = read_for(m, profile, size, capabilities, ret, NULL, f);
	if (r >= 0)
		reading_remember(m->readings, key, *ret);
	return r;
}

/* Only those who want its warnings need it read anew. */
static int read_or_recall(const Manager *m, const char *profile, size_t size,
			  const char *const *capabilities, Policy **ret, json_object **ret_warnings,
			  Failure *f)
{
	return ret_warnings ? read_for(m, profile, size, capabilities, ret, ret_warnings, f)
			    : read_again(m, profile, size, capabilities, ret, f);
}

int compose_read(const Manager *m, const char *profile, size_t size, json_object *capabilities,
		 Policy **ret, json_object **ret_warnings, Failure *f)
{
	_cleanup_free_ const char **list = NULL;
	int r;

	if (!size) {
		r = policy_new_allow(ret);
		return r < 0 ? fail_errno(f, r, "reading the profile") : 0;
	}
	if (!capabilities)
		return read_or_recall(m, profile, size, default_capabilities, ret, ret_warnings, f);
	r = capability_list(capabilities, &list);
	if (r < 0)
		return fail_errno(f, r, "reading the profile");
	return read_or_recall(m, profile, size, list, ret, ret_warnings, f);
}

int compose_confine(Policy **p, const struct vk_confinement *c, Failure *f)
{
	int r = c ? policy_confine(p, c) : 0;

	if (r == -E2BIG)
		return fail(f, r, ERROR_INVALID_PROFILE, "use fewer patterns",
			    "the AppArmor profiles together are larger than a policy may be");
	return r < 0 ? fail_errno(f, r, "confining the policy") : 0;
}

/* NULL for one without a part in AppArmor's language, or whose does not confine. */
static int confinement_of(const DbPolicy *kept, const struct vk_confinement **ret, Failure *f)
{
	const struct vk_confinement *c = kept->confinement.data;
	const size_t size = kept->confinement.size;

	if (c && (!vk_confinement_valid(c, size) || c->size != size))
		return fail(f, -EUCLEAN, ERROR_FAILED, "add it again: 'vkctl policy add'",
			    "the database has policy %s damaged", kept->name);
	*ret = c;
	return 0;
}

static int read_kept(const Manager *m, const DbPolicy *kept, json_object *capabilities,
		     Policy **ret, Failure *f)
{
	_cleanup_free_ Policy *p = NULL;
	const struct vk_confinement *c;
	int r;

	r = compose_read(m, kept->profile, strlen(kept->profile), capabilities, &p, NULL, f);
	if (r >= 0)
		r = confinement_of(kept, &c, f);
	if (r >= 0)
		r = compose_confine(&p, c, f);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(p);
	return 0;
}

static void take_confinement(DbPolicy *kept, ConfineOutcome *o)
{
	free(kept->confinement.data);
	kept->confinement = (DbBlob){ .size = o->confinement ? o->confinement->size : 0 };
	kept->confinement.data = TAKE_PTR(o->confinement);
}

/* As it is in memory it will do, if the database does not take it. */
static int write_renewed(const Manager *m, const DbPolicy *kept, const char *stamp, Failure *f)
{
	_cleanup_free_ Policy *p = NULL;
	char digest[HASH_HEX_SIZE];
	int r;

	r = read_kept(m, kept, NULL, &p, f);
	if (r < 0)
		return r;
	policy_digest_hex(p, digest);
	r = db_policy_compiled(m->db, kept->name, digest, &kept->confinement, stamp);
	if (r < 0)
		log_message(LOG_WARNING, "keeping policy %s as compiled anew: %s, ignoring",
			    kept->name, strerror(-r));
	return 0;
}

/* Another version of vkerneld made the confinement. */
static int renew(const Manager *m, DbPolicy *kept, Failure *f)
{
	const ConfineWish wish = { .text = kept->apparmor,
				   .profile = kept->apparmor_profile,
				   .allow_unmediated = kept->allow_unmediated,
				   .exec_inherit = kept->exec_inherit };
	_cleanup_free_ char *stamp = confine_stamp(&wish);
	_cleanup_outcome_ ConfineOutcome o = {};

	if (!stamp)
		return fail_errno(f, -ENOMEM, "compiling the AppArmor profile");
	confine_now(m, &wish, &o);
	if (o.result < 0)
		return confine_fail(f, &o);
	take_confinement(kept, &o);
	return write_renewed(m, kept, stamp, f);
}

/* -ENOENT if there is none, and then the failure is not set. */
static int get_kept(const Manager *m, const char *name, DbPolicy *ret, Failure *f)
{
	int r = db_policy_get(m->db, name, ret);

	if (r == -ENOENT)
		return r;
	if (r < 0)
		return fail_errno(f, r, "reading the database");
	return ret->apparmor && !confine_stamp_valid(ret->compiled) ? renew(m, ret, f) : 0;
}

static int read_named(const Manager *m, const char *name, json_object *capabilities, Policy **ret,
		      Failure *f)
{
	_cleanup_db_policy_ DbPolicy kept = {};
	int r;

	r = get_kept(m, name, &kept, f);
	if (r == -ENOENT)
		return fail_with(f, r, ERROR_NO_SUCH_POLICY, "name", name);
	return r < 0 ? r : read_kept(m, &kept, capabilities, ret, f);
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
	free(c->own);
	free(c->name);
	free(c->capabilities);
}

static int compose_for(const Manager *m, const Wish *wish, json_object *capabilities, Composed *ret,
		       Failure *f)
{
	_cleanup_free_ Policy *named = NULL;
	int r;

	r = find_name(m, wish, &ret->name, f);
	if (r >= 0 && ret->name)
		r = read_named(m, ret->name, capabilities, &named, f);
	if (r >= 0 && wish->seccomp)
		r = read_config(m, wish, capabilities, &ret->own, f);
	return r < 0 ? r : combine(named, ret->own, &ret->policy, f);
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
	r = copy_text(capabilities, &c.capabilities);
	if (r < 0)
		return fail_errno(f, r, "reading profiles");
	*ret = c;
	c = (Composed){};
	return 0;
}

/* As late as this: the container's own part keeps them as they came. */
static int fold_masks(Policy **p, Failure *f)
{
	int r = policy_fold_masks(p);

	return r < 0 ? fail_errno(f, r, "masking paths") : 0;
}

int compose_own(Composed *c, const struct vk_confinement *confinement, Failure *f)
{
	int r = 0;

	if (!confinement)
		return 0;
	if (!c->own)
		r = policy_new_allow(&c->own);
	if (r < 0)
		return fail_errno(f, r, "confining the policy");
	r = compose_confine(&c->own, confinement, f);
	return r < 0 ? r : compose_confine(&c->policy, confinement, f);
}

static int fail_masks(Failure *f, int r, const char *path)
{
	switch (r) {
	case -EINVAL:
		return fail(f, r, ERROR_INVALID_PROFILE,
			    "name absolute paths in linux.maskedPaths and linux.readonlyPaths",
			    "%s can not be masked", quoted(path, strlen(path)).text);
	case -E2BIG:
		return fail(f, r, ERROR_INVALID_PROFILE, "mask fewer paths, or shorter ones",
			    "linux.maskedPaths and linux.readonlyPaths together are longer than "
			    "%u bytes",
			    MASK_MAX_STATES);
	default:
		return fail_errno(f, r, "masking paths");
	}
}

/* Of the policy, and of the container's own part, as they become when paths are masked. */
typedef struct MaskKeys {
	char policy[HASH_HEX_SIZE], own[HASH_HEX_SIZE];
} MaskKeys;

static void mask_key(const Composed *c, json_object *masked, json_object *readonly,
		     const char *part, char ret[HASH_HEX_SIZE])
{
	Hash h;

	hash_init(&h);
	hash_add_string(&h, "part", part);
	hash_add_field(&h, "policy", c->policy->digest, VK_DIGEST_SIZE);
	if (c->own)
		hash_add_field(&h, "own", c->own->digest, VK_DIGEST_SIZE);
	hash_add_string(&h, "masked",
			json_object_to_json_string_ext(masked, JSON_C_TO_STRING_PLAIN));
	hash_add_string(&h, "readonly",
			json_object_to_json_string_ext(readonly, JSON_C_TO_STRING_PLAIN));
	hash_end(&h, ret);
}

static bool recall_masked(const Manager *m, const MaskKeys *keys, Composed *c)
{
	_cleanup_free_ Policy *policy = NULL, *own = NULL;

	if (reading_recall(m->readings, keys->policy, &policy) < 0 ||
	    reading_recall(m->readings, keys->own, &own) < 0)
		return false;
	free(c->policy);
	free(c->own);
	c->policy = TAKE_PTR(policy);
	c->own = TAKE_PTR(own);
	return true;
}

static int mask_now(Composed *c, json_object *masked, json_object *readonly, Failure *f)
{
	_cleanup_free_ struct vk_confinement *masks = NULL;
	const char *path = NULL;
	int r;

	r = mask_confinement(masked, readonly, &masks, &path);
	if (r < 0)
		return fail_masks(f, r, path);
	r = compose_own(c, masks, f);
	return r < 0 ? r : fold_masks(&c->policy, f);
}

int compose_masks(const Manager *m, Composed *c, json_object *masked, json_object *readonly,
		  Failure *f)
{
	MaskKeys keys;
	int r;

	mask_key(c, masked, readonly, "policy", keys.policy);
	mask_key(c, masked, readonly, "own", keys.own);
	if (recall_masked(m, &keys, c))
		return 0;
	r = mask_now(c, masked, readonly, f);
	if (r < 0)
		return r;
	reading_remember(m->readings, keys.policy, c->policy);
	if (c->own)
		reading_remember(m->readings, keys.own, c->own);
	return 0;
}

int compose_kept(const Manager *m, const char *name, Composed *c, Failure *f)
{
	_cleanup_db_policy_ DbPolicy kept = {};
	const struct vk_confinement *confinement;
	int r;

	r = get_kept(m, name, &kept, f);
	if (r == -ENOENT)
		return 0;
	if (r < 0 || !kept.apparmor)
		return r;
	r = confinement_of(&kept, &confinement, f);
	if (r >= 0)
		r = compose_own(c, confinement, f);
	return r < 0 ? r : 1;
}

DbOrigin composed_origin(const Composed *c)
{
	return (DbOrigin){
		.capabilities = c->capabilities,
		.own = { .data = c->own, .size = c->own ? policy_size(c->own) : 0 },
	};
}

static int read_origin(const DbOrigin *origin, json_object **ret_capabilities, Policy **ret_own)
{
	*ret_capabilities = json_tokener_parse(origin->capabilities);
	if (!json_object_is_type(*ret_capabilities, json_type_array))
		return -EUCLEAN;
	return origin->own.data ? policy_load(origin->own.data, origin->own.size, ret_own) : 0;
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
	if (r >= 0)
		r = combine(named, own, ret, f);
	return r < 0 ? r : fold_masks(ret, f);
}
