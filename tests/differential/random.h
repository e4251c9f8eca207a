/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Profiles from seeds. */
#pragma once

#include "tests/differential/spec.h"

/* xorshift64* */
typedef struct Random {
	uint64_t state;
} Random;

uint64_t random_next(Random *r);
uint32_t random_below(Random *r, uint32_t limit);
/* Small ones, edges of the words, and anything. */
uint64_t random_value(Random *r);

void spec_random(Spec *s, Random *r);

/* The target that the conditions of random rules are written for. */
#define RANDOM_KERNEL_MAJOR 6
#define RANDOM_KERNEL_MINOR 1
#define RANDOM_CAPABILITY "CAP_CHOWN"

/* The profile as JSON, in one format or the other. */
void spec_write(const Spec *s, Random *r, FILE *f);
