/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One entry of a profile's syscalls. */
#pragma once

#include "vkerneld/profile/field.h"
#include "vkerneld/profile/rules.h"

typedef struct Reader {
	const ProfileTarget *target;
	ProfileReport *report;
	Rules rules;
} Reader;

/* Adds the rules of syscalls[i] that are meant for the target. */
int read_rule(Reader *reader, const Field *f, size_t i);
