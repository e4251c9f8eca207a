// SPDX-License-Identifier: LGPL-2.1-or-later
#include <inttypes.h>

#include "proto/varlink.h"
#include "vkctl/output.h"
#include "vkctl/policy.h"

static void print_list(const char *head, json_object *list)
{
	_cleanup_free_ char *text = list ? show_list(list) : NULL;
	_cleanup_free_ char *shown = text ? visible(text) : NULL;

	if (shown && json_object_array_length(list) > 0)
		printf("  %-13s %s\n", head, shown);
}

static void print_capabilities(json_object *c)
{
	json_object *list = json_get_array(c, "capabilities");

	if (list && json_object_array_length(list) == 0)
		puts("  capabilities  none");
	else
		print_list("capabilities", list);
}

static void print_limits(json_object *limits)
{
	if (!limits)
		return;
	json_object_object_foreach(limits, name, value)
	{
		_cleanup_free_ char *shown = visible(name);

		printf("  limit         %s %" PRIu64 "\n", shown ?: "?",
		       (uint64_t)json_object_get_int64(value));
	}
}

void print_confinements(json_object *confinements)
{
	size_t i;

	for (i = 0; confinements && i < json_object_array_length(confinements); i++) {
		json_object *c = json_object_array_get_idx(confinements, i);
		_cleanup_free_ char *label = visible(json_get_string(c, "label") ?: "?");

		printf("AppArmor profile %s\n", label ?: "");
		print_list("mediates", json_get_array(c, "mediates"));
		print_list("flags", json_get_array(c, "flags"));
		print_capabilities(c);
		print_limits(json_get_object(c, "rlimits"));
		putchar('\n');
	}
}
