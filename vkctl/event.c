// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string.h>

#include "proto/varlink.h"
#include "vkctl/event.h"
#include "vkctl/output.h"

static bool is(json_object *event, const char *key, const char *word)
{
	return strcmp(json_get_string(event, key) ?: "", word) == 0;
}

/* A word that may come from a container; nothing where there is none. */
static void print_word(const char *before, json_object *event, const char *key)
{
	const char *word = json_get_string(event, key);
	_cleanup_free_ char *shown = word ? visible(word) : NULL;

	if (shown && *shown)
		printf("%s%s", before, shown);
}

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

static void print_claim(json_object *event)
{
	printf(" claimed %s%s", json_get_string(event, "capability") ?: "?",
	       is(event, "mode", "audit") ? "" : ": refused");
}

/* Where the operation alone does not say what was wanted. */
static void print_permissions(json_object *event)
{
	json_object *list =
		json_get_array(event, is(event, "kind", "refused") ? "missing" : "requested");
	_cleanup_free_ char *raw = NULL, *shown = NULL;

	if (!list || json_object_array_length(list) == 0)
		return;
	if (!is(event, "class", "file") && !is(event, "class", "signal") &&
	    !is(event, "class", "ptrace"))
		return;
	raw = show_list(list);
	shown = raw ? visible(raw) : NULL;
	printf(" (%s)", shown ?: "?");
}

static const char *before_target(json_object *event)
{
	if (is(event, "class", "mount"))
		return " from ";
	return is(event, "class", "file") ? " -> " : " ";
}

/* "open /etc/shadow (read) by docker-default  web  cat[123]" */
static void print_operation(json_object *event)
{
	static const char *const words[] = { "capability", "family",   "socket_type",
					     "signal",	   "resource", "path" };

	print_word(" ", event, "operation");
	for (size_t i = 0; i < ELEMENTSOF(words); i++)
		print_word(" ", event, words[i]);
	print_word(before_target(event), event, "target");
	print_permissions(event);
	print_word(" by ", event, "label");
	print_word("  ", event, "container");
	print_word("  ", event, "comm");
	if (json_get_int(event, "pid"))
		printf("[%lld]", (long long)json_get_int(event, "pid"));
	if (is(event, "kind", "refused") && json_get_bool(event, "allowed"))
		fputs(", passed (audit)", stdout);
}

static void print_task(json_object *event)
{
	if (json_get_int(event, "pid"))
		printf(" pid %lld", (long long)json_get_int(event, "pid"));
	print_word(" ", event, "comm");
}

static void print_others(json_object *event)
{
	bool denied = is(event, "kind", "denied"), claim = is(event, "kind", "capability");

	print_word(" ", event, "container");
	print_task(event);
	if (denied)
		print_denied(event);
	if (claim)
		print_claim(event);
	if ((denied || claim) && is(event, "mode", "audit"))
		fputs(", passed (audit)", stdout);
	if (is(event, "kind", "exit"))
		printf(" status %lld", (long long)json_get_int(event, "status"));
	if (is(event, "kind", "policy"))
		printf(" runs on vkernel_%.12s", json_get_string(event, "digest") ?: "?");
}

void print_event(json_object *event)
{
	bool refused = is(event, "kind", "refused"),
	     operation = refused || is(event, "kind", "audited");
	bool red = refused || is(event, "kind", "denied") || is(event, "kind", "capability");
	bool colour = red && has_colour(stdout);
	_cleanup_free_ char *kind = visible(json_get_string(event, "kind") ?: "?");
	_cleanup_free_ char *when = show_time(json_object_object_get(event, "time"));

	printf("%s %s%-*s%s", when ?: "-", colour ? "\033[31m" : "", operation ? 0 : 10,
	       kind ?: "?", colour ? "\033[0m" : "");
	if (operation)
		print_operation(event);
	else
		print_others(event);
	if (json_get_int(event, "dropped"))
		printf(" (%lld before it not shown)", (long long)json_get_int(event, "dropped"));
	putchar('\n');
}
