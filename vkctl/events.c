// SPDX-License-Identifier: LGPL-2.1-or-later
#include "vkctl/arguments.h"
#include "vkctl/call.h"
#include "vkctl/event.h"
#include "vkctl/output.h"

struct events {
	struct arguments arguments; /* first: arguments_key() */
	bool follow;
	const char *container;
};

static const struct argp_option options[] = {
	{ "follow", 'f', NULL, 0, "Go on until interrupted", 0 },
	{ "container", 'c', "CONTAINER", 0, "Only this container's", 0 },
	{},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct events *events = state->input;

	switch (key) {
	case 'f':
		events->follow = true;
		return 0;
	case 'c':
		events->container = arg;
		return 0;
	default:
		return arguments_key(key, arg, state);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Wait for something to happen to a virtual kernel, and show it.\v"
	       "Without --follow, one event. Those of the past are in the journal: 'journalctl -u "
	       "vkerneld'.",
	.children = json_option,
};

static int show_event(json_object *event)
{
	if (output_is_json())
		puts(json_object_to_json_string_ext(event, JSON_C_TO_STRING_PLAIN |
								   JSON_C_TO_STRING_NOSLASHESCAPE));
	else
		print_event(event);
	/* Whoever reads through a pipe wants it now. */
	return fflush(stdout) == 0 ? 0 : -EIO;
}

static int monitor(const struct events *events, struct failure *failure)
{
	_cleanup_varlink_client_ VarlinkClient *client = NULL;
	_cleanup_json_ json_object *parameters = object_with("container", events->container);
	int r;

	if (!parameters)
		return -ENOMEM;
	r = call_connect(&client, failure);
	if (r >= 0)
		r = call_more(client, "Monitor", parameters, failure);
	while (r >= 0) {
		_cleanup_varlink_reply_ VarlinkReply reply = {};

		r = call_receive(client, &reply, failure);
		if (r >= 0)
			r = show_event(json_get_object(reply.parameters, "event"));
		if (r < 0 || !events->follow || !reply.continues)
			break;
	}
	return r;
}

static int run(int argc, char **argv)
{
	struct events events = {};
	_cleanup_failure_ struct failure failure = {};
	int r;

	argp_parse(&argp, argc, argv, 0, NULL, &events);
	r = monitor(&events, &failure);
	return r < 0 ? failure_report(&failure, events.container ?: "events") : STATUS_OK;
}

const struct verb verb_events = {
	.name = "events",
	.arguments = "[--follow] [--container C]",
	.summary = "show what happens to virtual kernels",
	.run = run,
};
