// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string.h>

#include "vkctl/vkctl.h"

static bool answers_to(const struct verb *verb, const char *name)
{
	size_t i;

	if (strcmp(verb->name, name) == 0)
		return true;
	for (i = 0; i < ELEMENTSOF(verb->alias) && verb->alias[i]; i++)
		if (strcmp(verb->alias[i], name) == 0)
			return true;
	return false;
}

static void print_help(FILE *stream, const struct verb *const *verbs, size_t n, const char *program,
		       const char *doc)
{
	size_t i;

	fprintf(stream, "Usage: %s COMMAND [ARGUMENT...]\n%s\n\nCommands:\n", program, doc);
	for (i = 0; i < n; i++) {
		int width = fprintf(stream, "  %s %s", verbs[i]->name, verbs[i]->arguments);

		fprintf(stream, "%*s  %s\n", width < 34 ? 34 - width : 0, "", verbs[i]->summary);
	}
	fprintf(stream, "\n'%s COMMAND --help' tells more of one, vkctl(1) of all.\n", program);
}

static int run(const struct verb *verb, const char *program, int argc, char **argv)
{
	_cleanup_free_ char *name = NULL;
	char *first = argv[0];
	int r;

	if (asprintf(&name, "%s %s", program, verb->name) < 0) {
		name = NULL;
		return STATUS_FAILED;
	}
	argv[0] = name;
	r = verb->run(argc, argv);
	argv[0] = first;
	return r;
}

int verbs_run(const struct verb *const *verbs, size_t n, const char *program, const char *doc,
	      int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	size_t i;

	if (!name) {
		print_help(stderr, verbs, n, program, doc);
		return STATUS_USAGE;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-?") == 0 || strcmp(name, "-h") == 0 ||
	    strcmp(name, "help") == 0) {
		print_help(stdout, verbs, n, program, doc);
		return STATUS_OK;
	}
	for (i = 0; i < n; i++)
		if (answers_to(verbs[i], name))
			return run(verbs[i], program, argc - 1, argv + 1);
	fprintf(stderr, "vkctl: %s: no such command\nhint: '%s --help' shows the commands\n", name,
		program);
	return STATUS_USAGE;
}
