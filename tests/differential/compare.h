/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a policy decides as oracles do. */
#pragma once

#include "tests/differential/random.h"
#include "vkerneld/profile/policy.h"

/* One profile, or two that were combined. */
typedef struct Side {
	const Spec *spec;
	const Oracle *oracle;
} Side;

/*
 * Compares over all numbers of both architectures and boundary values of the arguments. Prints the
 * first difference unless @quiet. Adds to *checks what was compared.
 */
bool policy_agrees(const Policy *p, const Side *sides, size_t n, Random *r, uint64_t *checks,
		   bool quiet);
