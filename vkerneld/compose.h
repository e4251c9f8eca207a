/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From profiles to policies: for what they are read, and what a container's own is made of. */
#pragma once

#include "vkerneld/manager.h"
#include "vkerneld/profile/policy.h"

/* capabilities: an array of names; NULL for what Docker leaves a container by default. */
int compose_read(const Manager *m, const char *profile, size_t size, json_object *capabilities,
		 Policy **ret, json_object **ret_warnings, Failure *f);

/* The policy kept under the name, as read for the default capabilities. */
int compose_named(const Manager *m, const char *name, Policy **ret, Failure *f);

typedef struct Wish {
	const char *policy, *image; /* or NULL */
	json_object *seccomp, *capabilities;
} Wish;

typedef struct Composed {
	Policy *policy;
	char *name; /* of the one that was found by name or image, or NULL */
	DbOrigin origin; /* what the container brought along, for compose_again() */
} Composed;

void composed_done(Composed *c);
#define _cleanup_composed_ _cleanup_(composed_done)

int compose(const Manager *m, const Wish *wish, Composed *ret, Failure *f);

/* The policy kept under the name, for a container that runs and what it brought along. */
int compose_again(const Manager *m, const char *name, const DbOrigin *origin, Policy **ret,
		  Failure *f);
