// SPDX-License-Identifier: LGPL-2.1-or-later
#include "vkctl/arguments.h"

error_t arguments_key(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (arguments->n == arguments->max) {
			argp_error(state, "'%s' is one argument too many", arg);
			return EINVAL;
		}
		arguments->word[arguments->n++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (arguments->n < arguments->min)
			argp_usage(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int arguments_parse(struct arguments *arguments, const char *names, const char *doc, bool json,
		    int argc, char **argv)
{
	const struct argp argp = {
		.parser = arguments_key,
		.args_doc = names,
		.doc = doc,
		.children = json ? json_option : NULL,
	};

	return argp_parse(&argp, argc, argv, 0, NULL, arguments);
}
