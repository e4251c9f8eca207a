/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The canonical policy: what all sources of rules become. Its bytes are those of struct vk_policy,
 * its identity is their digest.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <json-c/json.h>

#include <vkernel/confine.h>
#include <vkernel/policy.h>

/* One heap object: free() releases it. */
typedef struct vk_policy Policy;

static inline size_t policy_size(const Policy *p)
{
	return p->size;
}

/* What a profile is read for: decides includes, excludes and minKernel. */
typedef struct ProfileTarget {
	unsigned int kernel_major, kernel_minor;
	const char *const
		*capabilities; /* bounding set, "CAP_CHOWN", NULL-terminated; may be NULL */
} ProfileTarget;

/*
 * What was noticed on the way. The message of a failure names the place in the profile
 * (syscalls[3].args[0].op, or line and column) and what to do. Zero it first; profile_report_done()
 * frees.
 */
typedef struct ProfileReport {
	char *error;
	char **warnings; /* NULL-terminated; unknown names and the like, which do not fail */
	size_t n_warnings;
	size_t n_dropped; /* warnings over PROFILE_WARNINGS_MAX, counted in one that says so */
} ProfileReport;

#define PROFILE_WARNINGS_MAX 64

void profile_report_done(ProfileReport *r);

#define PROFILE_SIZE_MAX (4u << 20)

/*
 * Reads a seccomp profile, Docker's format or OCI's, told apart by what it holds.
 * Returns 0 and the policy; -EINVAL for a profile that is wrong, -EFBIG over PROFILE_SIZE_MAX,
 * -E2BIG for more rules or comparisons than a policy holds, -EOPNOTSUPP for what vkernel can not
 * enforce (NOTIFY), -ENOMEM; report->error says more.
 */
int profile_read_seccomp(const char *json, size_t size, const ProfileTarget *target, Policy **ret,
			 ProfileReport *report);

/* What it may take, of processor time. */
#define PROFILE_SECONDS 3

/*
 * The same, by a child process of that user (0: of this one) without privileges; -EINVAL, too, if
 * the profile makes it crash, -E2BIG if it takes PROFILE_SECONDS.
 */
int profile_read_isolated(const char *json, size_t size, const ProfileTarget *target, uid_t uid,
			  gid_t gid, Policy **ret, ProfileReport *report);

/* The policy that allows everything. */
int policy_new_allow(Policy **ret);

/*
 * Each call takes the most restrictive verdict of the sources, as stacked seccomp filters do; the
 * earlier source wins where two are alike in severity. The confinements of all apply. -E2BIG when
 * the result has too many nodes or is too large.
 */
int policy_combine(const Policy *const *sources, size_t n, Policy **ret);

/*
 * Puts a valid confinement behind those that the policy has, unless it is among them. -E2BIG when
 * the policy would be too large; it stays as it was then.
 */
int policy_confine(Policy **p, const struct vk_confinement *c);

/* Another one like it. */
int policy_copy(const Policy *p, Policy **ret);

/* What policy_size() bytes of one were kept as; -EUCLEAN if they are none, or were changed. */
int policy_load(const void *bytes, size_t size, Policy **ret);

/* Sets p->digest. Every function above has done so. */
void policy_seal(Policy *p);

/* 64 hex digits and a NUL. */
void policy_digest_hex(const Policy *p, char ret[2 * VK_DIGEST_SIZE + 1]);

/* vkernel_<12 hex digits> and a NUL. */
void policy_module_name(const Policy *p, char ret[sizeof(VK_MODULE_PREFIX) + VK_MODULE_DIGITS]);

/*
 * For people and --json: per architecture (x86_64, i386) the verdict that most calls get, under
 * "default", and the calls that differ from it, by name, with their verdict or the comparisons that
 * decide; under "unnamed" the ranges of numbers without a name that differ.
 */
int policy_describe(const Policy *p, json_object **ret);
