/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From profiles to policies: for what they are read, and what a container's own is made of. */
#pragma once

#include "vkerneld/manager.h"
#include "vkerneld/profile/policy.h"

/*
 * A profile on system calls; an empty one allows all. capabilities: an array of names; NULL for
 * what Docker leaves a container by default. ret_warnings stays as it is for an empty one.
 */
int compose_read(const Manager *m, const char *profile, size_t size, json_object *capabilities,
		 Policy **ret, json_object **ret_warnings, Failure *f);

/* The policy kept under the name, as read for the default capabilities. */
int compose_named(const Manager *m, const char *name, Policy **ret, Failure *f);

/* Adds one, or none if it is NULL. */
int compose_confine(Policy **p, const struct vk_confinement *c, Failure *f);

typedef struct Wish {
	const char *policy, *image; /* or NULL */
	json_object *seccomp, *capabilities;
} Wish;

typedef struct Composed {
	Policy *policy;
	Policy *own; /* the part of it that the container brought along, or NULL */
	char *name; /* of the policy that was found by name or image, or NULL */
	char *capabilities; /* what profiles were read for: a JSON array */
} Composed;

void composed_done(Composed *c);
#define _cleanup_composed_ _cleanup_(composed_done)

/* All but the AppArmor profile that the container's configuration names. */
int compose(const Manager *m, const Wish *wish, Composed *ret, Failure *f);

/* Adds what became of that one, or nothing for NULL. */
int compose_own(Composed *c, const struct vk_confinement *confinement, Failure *f);

/* Adds what its configuration masks and has read-only: arrays of paths, or NULL. */
int compose_masks(const Manager *m, Composed *c, json_object *masked, json_object *readonly,
		  Failure *f);

/*
 * Adds that of the kept policy of this name. Returns 1, or 0 if no such policy is kept or it has no
 * part in AppArmor's language.
 */
int compose_kept(const Manager *m, const char *name, Composed *c, Failure *f);

/* What to remember of it for compose_again(), borrowed. */
DbOrigin composed_origin(const Composed *c);

/* The policy kept under the name, for a container that runs and what it brought along. */
int compose_again(const Manager *m, const char *name, const DbOrigin *origin, Policy **ret,
		  Failure *f);
