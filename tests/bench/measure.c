// SPDX-License-Identifier: LGPL-2.1-or-later
#include <stdio.h>

#include <x86intrin.h>

#include "measure.h"

/* Short ones: in some, the kernel refills or empties nothing that it keeps for later. */
#define BATCHES 2000
#define TIMES 10

static unsigned long long batch(const struct operation *o)
{
	unsigned long long began = __rdtsc();
	int i;

	for (i = 0; i < TIMES; i++)
		o->run(o->arg);
	return __rdtsc() - began;
}

static double cost(const struct operation *o)
{
	unsigned long long least = batch(o);
	int i;

	for (i = 1; i < BATCHES; i++) {
		unsigned long long took = batch(o);

		if (took < least)
			least = took;
	}
	return (double)least / TIMES;
}

void measure(const struct operation *operation, int first)
{
	int r = operation->run(operation->arg);

	printf("%s\"%s\":{\"cost\":%.2f,\"errno\":%d}", first ? "" : ",", operation->name,
	       cost(operation), -r);
}
