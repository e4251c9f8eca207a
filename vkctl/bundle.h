/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an OCI runtime tells a hook about a container: the state, and the bundle's config.json. */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>

#include "vkctl/failure.h"

/*
 * Where vkernel-runtime keeps what it took out of the config, a JSON text: {"seccomp": {...},
 * "apparmorProfile": "..."}.
 */
#define MOVED_ANNOTATION "io.vkernel.moved"

/* How a config is written. */
#define CONFIG_TEXT (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

/* The strings live as long as the objects. */
struct container {
	json_object *state; /* owned */
	json_object *config; /* owned */
	json_object *moved; /* owned: what the annotation io.vkernel.moved keeps, or NULL */
	bool was_moved; /* the state, or the config, has that annotation */
	const char *id;
	const char *bundle;
	const char *status; /* or NULL */
	int64_t pid; /* 0 where the state has none */
	const char *policy; /* or NULL */
	const char *image; /* or NULL */
	/* Of the config, or, where it has none, of what was moved. */
	const char *apparmor; /* the profile that it asks for, or NULL */
	json_object *seccomp; /* or NULL */
	json_object *capabilities; /* an array of strings, or NULL */
	json_object *masked, *readonly; /* paths: arrays of strings, or NULL */
};

void container_clear(struct container *container);
#define _cleanup_container_ _cleanup_(container_clear)

/* The first half: what the state on standard input says. */
int container_from_state(struct container *container, const char *text, size_t length,
			 struct failure *failure);

/* From a config's text, which messages call @name; the rest of @container may be zero. */
int container_from_text(struct container *container, const char *text, size_t length,
			const char *name, struct failure *failure);

/* The same of a file. */
int container_from_config(struct container *container, const char *path, struct failure *failure);

/* The second half: from the config.json in the bundle that the state names. */
int container_from_bundle(struct container *container, struct failure *failure);
