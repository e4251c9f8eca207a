// SPDX-License-Identifier: LGPL-2.1-or-later
#include "vkctl/arguments.h"
#include "vkctl/call.h"
#include "vkctl/output.h"
#include "vkctl/policy.h"

static const struct column columns[] = {
	{ .head = "NAME", .field = "name" },
	{ .head = "MODULE", .field = "module" },
	{ .head = "BUILT", .field = "built", .show = show_yes },
	{ .head = "LOADED", .field = "loaded", .show = show_yes },
	{ .head = "CONTAINERS", .field = "instances", .right = true },
	{ .head = "ADDED", .field = "added", .show = show_time },
	{ .head = "IMAGES", .field = "images", .show = show_list, .cut = true },
};

static const struct column fields[] = {
	{ .head = "Name", .field = "name" },
	{ .head = "Source", .field = "source" },
	{ .head = "Images", .field = "images", .show = show_list },
	{ .head = "Added", .field = "added", .show = show_time },
	{ .head = "Digest", .field = "digest" },
	{ .head = "Module", .field = "module" },
	{ .head = "Built", .field = "built", .show = show_yes },
	{ .head = "Loaded", .field = "loaded", .show = show_yes },
	{ .head = "Containers", .field = "instances" },
};

static int run_list(int argc, char **argv)
{
	struct arguments arguments = {};
	_cleanup_failure_ struct failure failure = {};
	_cleanup_json_ json_object *reply = NULL;
	int r;

	arguments_parse(&arguments, "", "List the policies.", true, argc, argv);
	r = call("ListPolicies", NULL, 0, &reply, &failure);
	if (r >= 0)
		r = output_rows(json_get_array(reply, "policies"), columns, ELEMENTSOF(columns));
	return r < 0 ? failure_report(&failure, "policy list") : STATUS_OK;
}

static int print_policy(json_object *reply)
{
	int r;

	if (output_is_json())
		return output_json(reply);
	r = output_fields(json_get_object(reply, "policy"), fields, ELEMENTSOF(fields));
	if (r < 0)
		return r;
	putchar('\n');
	print_confinements(json_get_array(reply, "confinements"));
	return print_calls(json_get_object(reply, "calls"));
}

static int run_show(int argc, char **argv)
{
	struct arguments arguments = { .min = 1, .max = 1 };
	_cleanup_failure_ struct failure failure = {};
	_cleanup_json_ json_object *parameters = NULL, *reply = NULL;
	int r;

	arguments_parse(&arguments, "NAME", "Show a policy, and every call it does not just allow.",
			true, argc, argv);
	parameters = object_with("name", arguments.word[0]);
	r = call("GetPolicy", parameters, 0, &reply, &failure);
	if (r >= 0)
		r = print_policy(reply);
	return r < 0 ? failure_report(&failure, arguments.word[0]) : STATUS_OK;
}

static int run_rm(int argc, char **argv)
{
	struct arguments arguments = { .min = 1, .max = 1 };
	_cleanup_failure_ struct failure failure = {};
	_cleanup_json_ json_object *parameters = NULL;
	int r;

	arguments_parse(&arguments, "NAME",
			"Remove a policy.\vOne that a container runs on cannot be removed.", false,
			argc, argv);
	parameters = object_with("name", arguments.word[0]);
	r = call("RemovePolicy", parameters, 0, NULL, &failure);
	return r < 0 ? failure_report(&failure, arguments.word[0]) : STATUS_OK;
}

static const struct verb verb_list_policies = {
	.name = "list",
	.alias = { "ls" },
	.arguments = "",
	.summary = "list the policies",
	.run = run_list,
};

static const struct verb verb_show = {
	.name = "show",
	.arguments = "NAME",
	.summary = "show one, and every call it does not just allow",
	.run = run_show,
};

static const struct verb verb_rm = {
	.name = "rm",
	.arguments = "NAME",
	.summary = "remove one",
	.run = run_rm,
};

static const struct verb *const verbs[] = {
	&verb_policy_add,    &verb_policy_check, &verb_policy_apply,
	&verb_list_policies, &verb_show,	 &verb_rm,
};

static int run(int argc, char **argv)
{
	return verbs_run(verbs, ELEMENTSOF(verbs), "vkctl policy",
			 "Keeps the policies that virtual kernels are made from.", argc, argv);
}

const struct verb verb_policy = {
	.name = "policy",
	.arguments = "add|check|apply|list|show|rm",
	.summary = "keep policies",
	.run = run,
};
