/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A profile that was read and resolved for its target: what libseccomp is told. */
#pragma once

#include <stdbool.h>

#include <seccomp.h>

#include "vkerneld/profile/report.h"

/* libseccomp takes time in the square of them; a long hand-written profile has 500. */
#define RULES_MAX 8192
#define RULE_ARGS_MAX 6

typedef struct Rule {
	uint32_t action; /* SCMP_ACT_* */
	int call; /* libseccomp's number, which may be one of its negative ones */
	unsigned int source; /* index in the profile's syscalls */
	unsigned int n_args;
	struct scmp_arg_cmp args[RULE_ARGS_MAX];
} Rule;

typedef struct Rules {
	uint32_t default_action;
	bool i386; /* besides x86-64 */
	/* the highest number that the profile names, 0 if none: newer calls get ENOSYS */
	int last[VK_NR_TABLES];
	Rule *list;
	size_t n, allocated;
} Rules;

void rules_done(Rules *rules);

/* -E2BIG with a message over RULES_MAX */
int rules_add(Rules *rules, const Rule *rule, ProfileReport *report);
