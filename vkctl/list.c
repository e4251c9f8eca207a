// SPDX-License-Identifier: LGPL-2.1-or-later
#include "vkctl/arguments.h"
#include "vkctl/call.h"
#include "vkctl/output.h"

static const struct column columns[] = {
	{ .head = "ID", .field = "id", .right = true },
	{ .head = "CONTAINER", .field = "container", .show = show_container, .cut = true },
	{ .head = "POLICY", .field = "policy" },
	{ .head = "MODULE", .field = "module" },
	{ .head = "PID", .field = "pid", .right = true },
	{ .head = "STATE", .field = "state" },
	{ .head = "MODE", .field = "mode" },
	{ .head = "CHECKED", .field = "checked", .right = true },
	{ .head = "DENIED", .field = "denied", .right = true },
};

static int run(int argc, char **argv)
{
	struct arguments arguments = {};
	_cleanup_failure_ struct failure failure = {};
	_cleanup_json_ json_object *reply = NULL;
	int r;

	arguments_parse(&arguments, "", "List the containers that have a virtual kernel.", true,
			argc, argv);
	r = call("List", NULL, 0, &reply, &failure);
	if (r >= 0)
		r = output_rows(json_get_array(reply, "instances"), columns, ELEMENTSOF(columns));
	return r < 0 ? failure_report(&failure, "list") : STATUS_OK;
}

const struct verb verb_list = {
	.name = "list",
	.alias = { "ls", "ps" },
	.arguments = "",
	.summary = "list the containers that have a virtual kernel",
	.run = run,
};
