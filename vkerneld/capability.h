/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Capabilities: their names, as a container's config has them, and sets, as the core has them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

/* "CAP_KILL"; NULL for one that has no name yet. */
const char *capability_name(uint32_t capability);

/*
 * The set of an array of names. One that is not known is in no set, so the core would refuse it;
 * ret_unknown: the first of these, or NULL.
 */
uint64_t capability_set(json_object *names, const char **ret_unknown);

/* Whether the set holds all there are, so that nothing is left to refuse. */
bool capability_set_is_full(uint64_t set);

/* The other way round. */
int capability_set_json(uint64_t set, json_object **ret);
