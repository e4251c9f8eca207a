// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string.h>

#include "vkctl/arguments.h"
#include "vkctl/call.h"
#include "vkctl/output.h"

static int set_mode(const char *container, const char *mode, struct failure *failure)
{
	_cleanup_json_ json_object *parameters = object_with("container", container);
	_cleanup_json_ json_object *reply = NULL;
	int r;

	if (!parameters || json_add_string(parameters, "mode", mode) < 0)
		return -ENOMEM;
	r = call("SetMode", parameters, 0, &reply, failure);
	if (r < 0)
		return r;
	if (output_is_json())
		return output_json(json_get_object(reply, "instance"));
	return 0;
}

static int run(int argc, char **argv)
{
	struct arguments arguments = { .min = 2, .max = 2 };
	_cleanup_failure_ struct failure failure = {};
	const char *mode;
	int r;

	arguments_parse(
		&arguments, "CONTAINER enforce|audit",
		"Set what a container's virtual kernel does about a refused call.\v"
		"enforce: it refuses the call.\naudit: it lets the call pass, and reports it.\n\n"
		"It holds from the next call on, without a restart.",
		true, argc, argv);
	mode = arguments.word[1];
	if (strcmp(mode, "enforce") != 0 && strcmp(mode, "audit") != 0) {
		failure_set(&failure, STATUS_USAGE, "the modes are enforce and audit",
			    "there is no such mode");
		return failure_report(&failure, mode);
	}
	r = set_mode(arguments.word[0], mode, &failure);
	return r < 0 ? failure_report(&failure, arguments.word[0]) : STATUS_OK;
}

const struct verb verb_mode = {
	.name = "mode",
	.arguments = "CONTAINER enforce|audit",
	.summary = "refuse calls, or only report them",
	.run = run,
};
