// SPDX-License-Identifier: LGPL-2.1-or-later
#include <signal.h>
#include <string.h>
#include <time.h>

#include "vkctl/arguments.h"
#include "vkctl/call.h"
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

static void print_denied(json_object *event)
{
	json_object *args = json_get_array(event, "args");
	const char *call = json_get_string(event, "call");
	size_t i;

	if (call)
		printf(" %s(", call);
	else
		printf(" call %lld(", (long long)json_get_int(event, "nr"));
	for (i = 0; args && i < json_object_array_length(args); i++)
		printf("%s0x%llx", i ? ", " : "",
		       (unsigned long long)json_object_get_int64(
			       json_object_array_get_idx(args, i)));
	printf(") of %s: %s", json_get_string(event, "arch") ?: "?",
	       json_get_string(event, "verdict") ?: "?");
}

static bool is_audit(json_object *event)
{
	return strcmp(json_get_string(event, "mode") ?: "", "audit") == 0;
}

static void print_claim(json_object *event)
{
	printf(" claimed %s%s", json_get_string(event, "capability") ?: "?",
	       is_audit(event) ? "" : ": refused");
}

static int print_event(json_object *event)
{
	const char *kind = json_get_string(event, "kind") ?: "?";
	_cleanup_free_ char *container = visible(json_get_string(event, "container") ?: "-");
	_cleanup_free_ char *comm = visible(json_get_string(event, "comm") ?: "");
	_cleanup_free_ char *when = show_time(json_object_object_get(event, "time"));
	bool denied = strcmp(kind, "denied") == 0, claim = strcmp(kind, "capability") == 0;
	bool colour = (denied || claim) && has_colour(stdout);

	printf("%s %s%-10s%s %s", when ?: "-", colour ? "\033[31m" : "", kind,
	       colour ? "\033[0m" : "", container ?: "");
	if (json_get_int(event, "pid"))
		printf(" pid %lld", (long long)json_get_int(event, "pid"));
	if (comm && *comm)
		printf(" %s", comm);
	if (denied)
		print_denied(event);
	if (claim)
		print_claim(event);
	if ((denied || claim) && is_audit(event))
		fputs(", passed (audit)", stdout);
	if (strcmp(kind, "exit") == 0)
		printf(" status %lld", (long long)json_get_int(event, "status"));
	if (json_get_int(event, "dropped"))
		printf(" (%lld before it not shown)", (long long)json_get_int(event, "dropped"));
	putchar('\n');
	return 0;
}

static int show_event(json_object *event)
{
	int r = 0;

	if (output_is_json())
		puts(json_object_to_json_string_ext(event, JSON_C_TO_STRING_PLAIN |
								   JSON_C_TO_STRING_NOSLASHESCAPE));
	else
		r = print_event(event);
	/* Whoever reads through a pipe wants it now. */
	return r < 0 || fflush(stdout) == 0 ? r : -EIO;
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
