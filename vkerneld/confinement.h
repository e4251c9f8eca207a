/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Confinements as people and scripts read them. */
#pragma once

#include <json-c/json.h>

#include "vkerneld/profile/policy.h"

/* An array, in the policy's order. */
int confinements_json(const Policy *p, json_object **ret);
