// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string.h>

#include "vkctl/arguments.h"
#include "vkctl/call.h"
#include "vkctl/output.h"

static const char *colour(json_object *check)
{
	const char *state = json_get_string(check, "state") ?: "";

	if (strcmp(state, "ok") == 0)
		return "green";
	return strcmp(state, "warn") == 0 ? "yellow" : "red";
}

static const struct column columns[] = {
	{ .head = "CHECK", .field = "name" },
	{ .head = "STATE", .field = "state", .colour = colour },
	{ .head = "DETAIL", .field = "detail" },
};

static const struct column fields[] = {
	{ .head = "vkerneld", .field = "version" },
	{ .head = "kernel", .field = "kernel" },
	{ .head = "healthy", .field = "healthy", .show = show_yes },
};

static void print_hints(json_object *checks)
{
	size_t i;

	for (i = 0; checks && i < json_object_array_length(checks); i++) {
		json_object *check = json_object_array_get_idx(checks, i);
		const char *hint = json_get_string(check, "hint");
		_cleanup_free_ char *shown = hint ? visible(hint) : NULL;

		if (shown)
			printf("hint: %s: %s\n", json_get_string(check, "name") ?: "?", shown);
	}
}

static int print_status(json_object *reply)
{
	json_object *checks = json_get_array(reply, "checks");
	int r;

	if (output_is_json())
		return output_json(reply);
	r = output_fields(reply, fields, ELEMENTSOF(fields));
	if (r < 0)
		return r;
	putchar('\n');
	r = output_table(checks, columns, ELEMENTSOF(columns));
	if (r < 0)
		return r;
	print_hints(checks);
	return 0;
}

static int run(int argc, char **argv)
{
	struct arguments arguments = {};
	_cleanup_failure_ struct failure failure = {};
	_cleanup_json_ json_object *reply = NULL;
	int r;

	arguments_parse(&arguments, "",
			"Show what this host can do, and why not.\v"
			"The exit status is 1 if something is missing that virtual kernels need.",
			true, argc, argv);
	r = call("Status", NULL, 0, &reply, &failure);
	if (r >= 0)
		r = print_status(reply);
	if (r < 0)
		return failure_report(&failure, "status");
	return json_get_bool(reply, "healthy") ? STATUS_OK : STATUS_FAILED;
}

const struct verb verb_status = {
	.name = "status",
	.arguments = "",
	.summary = "show what this host can do, and why not",
	.run = run,
};
