// SPDX-License-Identifier: LGPL-2.1-or-later
#include "vkctl/arguments.h"
#include "vkctl/call.h"
#include "vkctl/output.h"

struct unload {
	struct arguments arguments; /* first: arguments_key() */
	bool all;
	bool core;
};

static const struct argp_option options[] = {
	{ "all", 'a', NULL, 0, "Every module that no container uses", 0 },
	{ "core", 'c', NULL, 0, "The core as well; every other module goes before it", 0 },
	{},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct unload *unload = state->input;

	switch (key) {
	case 'a':
		unload->all = true;
		return 0;
	case 'c':
		unload->core = true;
		return 0;
	case ARGP_KEY_END:
		if (unload->arguments.n + unload->all + unload->core == 0)
			argp_error(state, "name a policy or a module, or say --all or --core");
		else if (unload->arguments.n && (unload->all || unload->core))
			argp_error(state, "name one, or say --all or --core, not both");
		return 0;
	default:
		return arguments_key(key, arg, state);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[POLICY|MODULE]",
	.doc = "Take modules out of the kernel.\vOne that a container uses stays, and the command "
	       "fails. What is needed again is loaded again.",
	.children = json_option,
};

static int print_unloaded(json_object *unloaded)
{
	size_t i;

	if (output_is_json())
		return output_json(unloaded);
	for (i = 0; unloaded && i < json_object_array_length(unloaded); i++) {
		_cleanup_free_ char *name = visible(
			json_object_get_string(json_object_array_get_idx(unloaded, i)) ?: "");

		printf("unloaded %s\n", name ?: "");
	}
	return 0;
}

static int run(int argc, char **argv)
{
	struct unload unload = { .arguments = { .max = 1 } };
	_cleanup_failure_ struct failure failure = {};
	_cleanup_json_ json_object *parameters = NULL, *reply = NULL;
	const char *what;
	int r;

	argp_parse(&argp, argc, argv, 0, NULL, &unload);
	what = unload.arguments.word[0];
	parameters = object_with("module", what);
	r = parameters && unload.core ? json_add_bool(parameters, "core", true) : 0;
	if (r >= 0)
		r = call("Unload", parameters, 0, &reply, &failure);
	if (r >= 0)
		r = print_unloaded(json_get_array(reply, "unloaded"));
	return r < 0 ? failure_report(&failure, what ?: "unload") : STATUS_OK;
}

const struct verb verb_unload = {
	.name = "unload",
	.arguments = "[POLICY|MODULE] [--all] [--core]",
	.summary = "take modules out of the kernel",
	.run = run,
};
