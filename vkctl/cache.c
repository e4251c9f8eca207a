// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string.h>

#include "vkctl/arguments.h"
#include "vkctl/call.h"
#include "vkctl/output.h"

/* The beginning of a key that is shown, which is more than RemoveCached() wants. */
#define KEY_DIGITS 12

static char *show_key(json_object *value)
{
	return strndup(json_object_get_string(value) ?: "-", KEY_DIGITS);
}

static char *show_use(json_object *value)
{
	const char *use = json_object_get_string(value) ?: "";

	return strdup(strcmp(use, "none") == 0 ? "-" : use);
}

static bool is_ok(json_object *row)
{
	const char *found = json_get_string(row, "state");

	return found && strcmp(found, "ok") == 0;
}

static const char *colour_of_state(json_object *row)
{
	return is_ok(row) ? NULL : "red";
}

/* What is said of every entry, and what else. */
static int print(json_object *rows, const struct column *more, size_t n)
{
	struct column columns[8] = {
		{ .head = "KEY", .field = "key", .show = show_key },
		{ .head = "MODULE", .field = "module" },
		{ .head = "KERNEL", .field = "kernel", .cut = true },
		{ .head = "SIZE", .field = "size", .show = show_size, .right = true },
	};

	memcpy(columns + 4, more, n * sizeof(*more));
	return output_rows(rows, columns, 4 + n);
}

static const struct column use[] = {
	{ .head = "USE", .field = "use", .show = show_use },
	{ .head = "LAST USE", .field = "last_use", .show = show_time },
};

static const struct column reason[] = { { .head = "REASON", .field = "reason" } };

static const struct column state[] = {
	{ .head = "STATE", .field = "state", .colour = colour_of_state },
};

static int run_list(int argc, char **argv)
{
	struct arguments arguments = {};
	_cleanup_failure_ struct failure failure = {};
	_cleanup_json_ json_object *reply = NULL;
	int r;

	arguments_parse(&arguments, "", "List the modules in the cache, those used last first.",
			true, argc, argv);
	r = call("ListCache", NULL, 0, &reply, &failure);
	if (r >= 0)
		r = print(json_get_array(reply, "entries"), use, ELEMENTSOF(use));
	return r < 0 ? failure_report(&failure, "cache list") : STATUS_OK;
}

/* A table of nothing would be a heading. */
static int print_removed(json_object *reply)
{
	json_object *removed = json_get_array(reply, "removed");

	if (!output_is_json() && (!removed || json_object_array_length(removed) == 0))
		return puts("there was nothing to remove") < 0 ? -EIO : 0;
	return print(removed, reason, ELEMENTSOF(reason));
}

static int run_gc(int argc, char **argv)
{
	struct arguments arguments = {};
	_cleanup_failure_ struct failure failure = {};
	_cleanup_json_ json_object *reply = NULL;
	int r;

	arguments_parse(
		&arguments, "",
		"Remove what nothing will ask for any more.\v"
		"That is what was made for kernels that are gone, what vkerneld does not know "
		"of, and what goes beyond CacheMax= of vkernel.conf(5).",
		true, argc, argv);
	r = call("CollectCache", NULL, 0, &reply, &failure);
	if (r >= 0)
		r = print_removed(reply);
	return r < 0 ? failure_report(&failure, "cache gc") : STATUS_OK;
}

static int run_rm(int argc, char **argv)
{
	struct arguments arguments = { .min = 1, .max = 1 };
	_cleanup_failure_ struct failure failure = {};
	_cleanup_json_ json_object *parameters = NULL, *reply = NULL;
	int r;

	arguments_parse(&arguments, "KEY|MODULE|POLICY",
			"Remove modules from the cache.\vOne that is loaded stays, and the command "
			"fails. What is needed again is made again.",
			true, argc, argv);
	parameters = object_with("entry", arguments.word[0]);
	r = call("RemoveCached", parameters, 0, &reply, &failure);
	if (r >= 0)
		r = print_removed(reply);
	return r < 0 ? failure_report(&failure, arguments.word[0]) : STATUS_OK;
}

static int check_states(json_object *checked, struct failure *failure)
{
	size_t bad = 0, n = checked ? json_object_array_length(checked) : 0;

	for (size_t i = 0; i < n; i++)
		bad += !is_ok(json_object_array_get_idx(checked, i));
	if (bad == 0)
		return 0;
	return failure_set(failure, STATUS_FAILED,
			   "none of them is ever loaded; each is made anew when it is needed, or "
			   "'vkctl cache rm KEY' removes it",
			   "%zu of %zu modules are not what was made", bad, n);
}

static int run_verify(int argc, char **argv)
{
	struct arguments arguments = {};
	_cleanup_failure_ struct failure failure = {};
	_cleanup_json_ json_object *reply = NULL;
	int r;

	arguments_parse(&arguments, "", "Compare all modules in the cache with what was made.",
			true, argc, argv);
	progress("reading the cache …");
	r = call("VerifyCache", NULL, 0, &reply, &failure);
	progress_end();
	if (r >= 0)
		r = print(json_get_array(reply, "entries"), state, ELEMENTSOF(state));
	if (r >= 0)
		r = check_states(json_get_array(reply, "entries"), &failure);
	return r < 0 ? failure_report(&failure, "cache verify") : STATUS_OK;
}

static const struct verb verb_list_cache = {
	.name = "list",
	.alias = { "ls" },
	.arguments = "",
	.summary = "list the modules in the cache",
	.run = run_list,
};

static const struct verb verb_gc = {
	.name = "gc",
	.arguments = "",
	.summary = "remove what nothing will ask for any more",
	.run = run_gc,
};

static const struct verb verb_rm = {
	.name = "rm",
	.arguments = "KEY|MODULE|POLICY",
	.summary = "remove modules",
	.run = run_rm,
};

static const struct verb verb_verify = {
	.name = "verify",
	.arguments = "",
	.summary = "compare them with what was made",
	.run = run_verify,
};

static const struct verb *const verbs[] = { &verb_list_cache, &verb_gc, &verb_rm, &verb_verify };

static int run(int argc, char **argv)
{
	return verbs_run(verbs, ELEMENTSOF(verbs), "vkctl cache",
			 "Looks after the modules that were made.", argc, argv);
}

const struct verb verb_cache = {
	.name = "cache",
	.arguments = "list|gc|rm|verify",
	.summary = "look after the modules that were made",
	.run = run,
};
