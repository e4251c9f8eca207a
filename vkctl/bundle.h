/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an OCI runtime tells a hook about a container: the state, and the bundle's config.json. */
#pragma once

#include <json-c/json.h>

#include "vkctl/failure.h"

/* The strings live as long as the objects. */
struct container {
	json_object *state; /* owned */
	json_object *config; /* owned */
	const char *id;
	const char *bundle;
	const char *status; /* or NULL */
	int64_t pid; /* 0 where the state has none */
	const char *policy; /* or NULL */
	const char *image; /* or NULL */
	const char *apparmor; /* the profile that it asks for, or NULL */
	json_object *seccomp; /* or NULL */
	json_object *capabilities; /* an array of strings, or NULL */
};

void container_clear(struct container *container);
#define _cleanup_container_ _cleanup_(container_clear)

/* The first half: what the state on standard input says. */
int container_from_state(struct container *container, const char *text, size_t length,
			 struct failure *failure);

/* The second: from the config.json in the bundle that the state names. */
int container_from_bundle(struct container *container, struct failure *failure);
