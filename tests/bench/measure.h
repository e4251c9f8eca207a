/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What operations cost, in instructions.
 *
 * Under qemu -icount shift=0 the time stamp counter advances by one an instruction. The least of
 * many batches leaves out interrupts, which hit some batches and not all.
 */
#pragma once

#include <stddef.h>

/* Does it once; 0, or a negative errno. */
typedef int (*operation_fn)(const void *arg);

struct operation {
	const char *name;
	operation_fn run;
	const void *arg;
};

/* Prints cost and errno of an operation as a member of a JSON object; a comma if not @first. */
void measure(const struct operation *operation, int first);
