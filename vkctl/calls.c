// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string.h>

#include "proto/varlink.h"
#include "vkctl/output.h"
#include "vkctl/policy.h"

#define NAME_WIDTH 24

static void print_text(json_object *value)
{
	_cleanup_free_ char *shown = visible(json_object_get_string(value) ?: "?");

	puts(shown ?: "");
}

static void print_lines(json_object *lines, int indent);

/* A verdict stays on the line, what decides between several goes below. */
static void print_decision(json_object *decision, int indent)
{
	if (!json_object_is_type(decision, json_type_array)) {
		print_text(decision);
		return;
	}
	putchar('\n');
	print_lines(decision, indent);
}

static void print_lines(json_object *lines, int indent)
{
	size_t i;

	for (i = 0; i < json_object_array_length(lines); i++) {
		json_object *line = json_object_array_get_idx(lines, i), *otherwise;
		_cleanup_free_ char *condition = visible(json_get_string(line, "if") ?: "");

		printf("%*s", indent, "");
		if (json_object_object_get_ex(line, "else", &otherwise)) {
			fputs("else ", stdout);
			print_decision(otherwise, indent + 2);
		} else {
			printf("if %s: ", condition ?: "");
			print_decision(json_object_object_get(line, "then"), indent + 2);
		}
	}
}

static void print_entries(json_object *entries)
{
	if (!entries)
		return;
	json_object_object_foreach(entries, name, decision)
	{
		printf("  %-*s ", NAME_WIDTH, name);
		print_decision(decision, 6);
	}
}

int print_calls(json_object *calls)
{
	if (!calls)
		return 0;
	json_object_object_foreach(calls, arch, table)
	{
		if (!json_object_is_type(table, json_type_object))
			continue;
		printf("%s: %s, but for\n", arch, json_get_string(table, "default") ?: "?");
		print_entries(json_get_object(table, "calls"));
		print_entries(json_get_object(table, "unnamed"));
	}
	return 0;
}
