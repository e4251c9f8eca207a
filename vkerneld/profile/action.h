/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words of a rule: actions, errnos, operators. */
#pragma once

#include <seccomp.h>

#include "vkerneld/profile/field.h"

/* The fields that together name an action. */
typedef struct ActionKeys {
	const char *action, *errno_ret, *errno_name;
} ActionKeys;

typedef struct Action {
	uint32_t scmp; /* SCMP_ACT_*, with its errno */
	bool given;
	bool notify; /* can not be enforced */
} Action;

int read_action(const Field *owner, const ActionKeys *keys, Action *ret);

/* The failure that an action with notify is. */
int refuse_notify(const Field *owner, const char *key);

int read_operator(const Field *f, enum scmp_compare *ret);
