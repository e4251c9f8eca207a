// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string.h>

#include "vkctl/call.h"
#include "vkctl/input.h"
#include "vkctl/output.h"
#include "vkctl/policy.h"

struct apply {
	char **word; /* the policy, and containers */
	size_t n;
	VarlinkClient *client;
	json_object *instances; /* that run on it now */
	int status; /* of the first that failed */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct apply *apply = state->input;

	switch (key) {
	case ARGP_KEY_ARGS:
		apply->word = state->argv + state->next;
		apply->n = (size_t)(state->argc - state->next);
		return 0;
	case ARGP_KEY_END:
		if (apply->n < 2)
			argp_usage(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.parser = parse,
	.args_doc = "NAME CONTAINER...",
	.doc = "Give containers that run another policy, without a restart.\v"
	       "The rules of a container's own configuration stay. What a program has open, and "
	       "what it was allowed before, it keeps; each operation from now on is decided by the "
	       "new policy.",
	.children = json_option,
};

static int print_applied(struct apply *apply, json_object *reply)
{
	json_object *instance = json_get_object(reply, "instance");
	_cleanup_free_ char *container = visible(json_get_string(instance, "container") ?: "?");

	if (output_is_json())
		return json_append(apply->instances, json_object_get(instance));
	printf("%s: %s (%s)\n", container ?: "", json_get_string(instance, "policy") ?: "?",
	       json_get_string(instance, "module") ?: "?");
	return 0;
}

static int apply_to(struct apply *apply, const char *container, struct failure *failure)
{
	_cleanup_json_ json_object *parameters = object_with("container", container);
	_cleanup_json_ json_object *reply = NULL;
	int r;

	if (!parameters || json_add_string(parameters, "policy", apply->word[0]) < 0)
		return -ENOMEM;
	progress("giving %s the policy %s …", container, apply->word[0]);
	r = call_on(apply->client, "ApplyPolicy", parameters, &reply, failure);
	progress_end();
	return r < 0 ? r : print_applied(apply, reply);
}

/* One that fails does not keep the others from it; a service that is gone does. */
static void apply_to_all(struct apply *apply)
{
	for (size_t i = 1; i < apply->n && apply->status != STATUS_UNREACHABLE; i++) {
		_cleanup_failure_ struct failure failure = {};
		int status;

		if (apply_to(apply, apply->word[i], &failure) >= 0)
			continue;
		status = failure_report(&failure, apply->word[i]);
		if (!apply->status || status == STATUS_UNREACHABLE)
			apply->status = status;
	}
}

static int check_words(const struct apply *apply, struct failure *failure)
{
	for (size_t i = 0; i < apply->n; i++)
		if (!is_text(apply->word[i], strlen(apply->word[i])))
			return failure_set(failure, STATUS_NOT_FOUND,
					   "'vkctl policy list' and 'vkctl list' show the names",
					   "argument %zu is no name: it is no text", i + 1);
	return 0;
}

static int run_with(struct apply *apply, struct failure *failure)
{
	int r;

	if (!apply->instances)
		return -ENOMEM;
	r = check_words(apply, failure);
	if (r >= 0)
		r = call_connect(&apply->client, failure);
	if (r < 0)
		return r;
	apply_to_all(apply);
	return output_is_json() ? output_json(apply->instances) : 0;
}

static int run(int argc, char **argv)
{
	struct apply apply = { .instances = json_object_new_array() };
	_cleanup_failure_ struct failure failure = {};
	int r;

	argp_parse(&argp, argc, argv, 0, NULL, &apply);
	r = run_with(&apply, &failure);
	varlink_client_free(apply.client);
	json_object_put(apply.instances);
	return r < 0 ? failure_report(&failure, "policy apply") : apply.status;
}

const struct verb verb_policy_apply = {
	.name = "apply",
	.arguments = "NAME CONTAINER...",
	.summary = "give containers that run another one",
	.run = run,
};
