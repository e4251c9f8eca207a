// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * bench-confined FILE [OPERATION...]: what operations cost that profiles rule, all of them or
 * those, as JSON; and whether what profiles forbid is refused.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "file.h"
#include "task.h"

struct choice {
	char **names; /* NULL behind the last; none: all */
	size_t count; /* of what was measured */
};

static bool chosen(const struct choice *choice, const char *name)
{
	char **n;

	for (n = choice->names; *n; n++)
		if (strcmp(*n, name) == 0)
			return true;
	return !*choice->names;
}

static void measure_chosen(struct choice *choice, const struct operation *operations, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (chosen(choice, operations[i].name))
			measure(&operations[i], choice->count++ == 0);
}

int main(int argc, char **argv)
{
	struct choice choice = { .names = argv + 2 };
	int r = argc < 2 ? -EINVAL : file_choose(argv[1]);

	if (r < 0) {
		fprintf(stderr, "bench-confined: %s\n", strerror(-r));
		return 1;
	}
	printf("{");
	measure_chosen(&choice, file_operations, NR_FILE_OPERATIONS);
	measure_chosen(&choice, task_operations, NR_TASK_OPERATIONS);
	printf(",\"forbidden\":{\"errno\":%d}}\n", -open_forbidden());
	return 0;
}
