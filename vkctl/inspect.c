// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string.h>

#include "vkctl/arguments.h"
#include "vkctl/call.h"
#include "vkctl/output.h"

static char *show_capabilities(json_object *value)
{
	return json_object_is_type(value, json_type_array) && json_object_array_length(value) == 0
		       ? strdup("none")
		       : show_list(value);
}

/* "file 3, capability 0" */
static char *show_refused(json_object *value)
{
	_cleanup_free_ char *shown = NULL;

	if (!json_object_is_type(value, json_type_object))
		return strdup("-");
	json_object_object_foreach(value, class, count)
	{
		char *longer;

		if (asprintf(&longer, "%s%s%s %lld", shown ?: "", shown ? ", " : "", class,
			     (long long)json_object_get_int64(count)) < 0)
			return NULL;
		free(shown);
		shown = longer;
	}
	return shown ? TAKE_PTR(shown) : strdup("-");
}

static const struct column fields[] = {
	{ .head = "Container", .field = "container" },
	{ .head = "ID", .field = "id" },
	{ .head = "Image", .field = "image" },
	{ .head = "Policy", .field = "policy" },
	{ .head = "AppArmor", .field = "apparmor" },
	{ .head = "Digest", .field = "digest" },
	{ .head = "Module", .field = "module" },
	{ .head = "PID", .field = "pid" },
	{ .head = "State", .field = "state" },
	{ .head = "Mode", .field = "mode" },
	{ .head = "Entered by", .field = "scope" },
	{ .head = "Bound", .field = "bound", .show = show_time },
	{ .head = "Calls checked", .field = "checked" },
	{ .head = "Calls denied", .field = "denied" },
	{ .head = "Events dropped", .field = "dropped" },
	{ .head = "Capabilities",
	  .field = "capabilities",
	  .show = show_capabilities,
	  .absent = "all" },
	{ .head = "On a claim", .field = "on_claim" },
	{ .head = "Claims", .field = "claims" },
	{ .head = "Refused", .field = "refused", .show = show_refused },
};

static const struct column columns[] = {
	{ .head = "ARCH", .field = "arch" },
	{ .head = "NUMBER", .field = "nr", .right = true },
	{ .head = "CALL", .field = "name" },
	{ .head = "DENIED", .field = "denied", .right = true },
};

static int print_instance(json_object *reply)
{
	json_object *calls = json_get_array(reply, "calls");
	int r;

	if (output_is_json())
		return output_json(reply);
	r = output_fields(json_get_object(reply, "instance"), fields, ELEMENTSOF(fields));
	if (r < 0 || !calls || json_object_array_length(calls) == 0)
		return r;
	putchar('\n');
	return output_table(calls, columns, ELEMENTSOF(columns));
}

static int run(int argc, char **argv)
{
	struct arguments arguments = { .min = 1, .max = 1 };
	_cleanup_failure_ struct failure failure = {};
	_cleanup_json_ json_object *parameters = NULL, *reply = NULL;
	int r;

	arguments_parse(
		&arguments, "CONTAINER",
		"Show a container's virtual kernel and the calls that it refused.\v"
		"CONTAINER is the container's ID, an unambiguous beginning of it, or the ID "
		"that 'vkctl list' shows.",
		true, argc, argv);
	parameters = object_with("container", arguments.word[0]);
	r = call("Inspect", parameters, 0, &reply, &failure);
	if (r >= 0)
		r = print_instance(reply);
	return r < 0 ? failure_report(&failure, arguments.word[0]) : STATUS_OK;
}

const struct verb verb_inspect = {
	.name = "inspect",
	.arguments = "CONTAINER",
	.summary = "show one of them, and the calls it refused",
	.run = run,
};
