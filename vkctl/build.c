// SPDX-License-Identifier: LGPL-2.1-or-later
#include "vkctl/arguments.h"
#include "vkctl/call.h"
#include "vkctl/output.h"

static int print_build(json_object *reply)
{
	json_object *build = json_get_object(reply, "build");
	_cleanup_free_ char *took = NULL;

	if (output_is_json())
		return output_json(reply);
	printf("%s: ", json_get_string(reply, "module") ?: "?");
	if (json_get_bool(reply, "cached")) {
		puts("already built");
		return 0;
	}
	took = show_duration(json_object_object_get(build, "duration_ms"));
	printf("built in %s, %lld bytes\n", took ?: "?", (long long)json_get_int(build, "size"));
	return 0;
}

static int run(int argc, char **argv)
{
	struct arguments arguments = { .min = 1, .max = 1 };
	_cleanup_failure_ struct failure failure = {};
	_cleanup_json_ json_object *parameters = NULL, *reply = NULL;
	int r;

	arguments_parse(
		&arguments, "POLICY",
		"Make a policy's module for the running kernel, unless it is there.\v"
		"Containers do not need it beforehand: their module is built when the first "
		"of them starts.",
		true, argc, argv);
	parameters = object_with("policy", arguments.word[0]);
	progress("building the module of %s …", arguments.word[0]);
	r = call("Build", parameters, 0, &reply, &failure);
	progress_end();
	if (r >= 0)
		r = print_build(reply);
	return r < 0 ? failure_report(&failure, arguments.word[0]) : STATUS_OK;
}

const struct verb verb_build = {
	.name = "build",
	.arguments = "POLICY",
	.summary = "make a policy's module",
	.run = run,
};
