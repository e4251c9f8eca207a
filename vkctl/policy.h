/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verbs below `vkctl policy` that have a file of their own. */
#pragma once

#include <json-c/json.h>

#include "vkctl/vkctl.h"

extern const struct verb verb_policy_add;
extern const struct verb verb_policy_apply;
extern const struct verb verb_policy_check;

/* What a policy does not just allow, as the daemon describes it for people. */
int print_calls(json_object *calls);

/* What its AppArmor profiles became. */
void print_confinements(json_object *confinements);
