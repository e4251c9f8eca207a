/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Docker's includes and excludes: whether a rule is meant for this host and container. */
#pragma once

#include "vkerneld/profile/field.h"

int rule_applies(const Field *rule, const ProfileTarget *target, bool *ret);
