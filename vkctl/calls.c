// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string.h>

#include "proto/varlink.h"
#include "vkctl/output.h"
#include "vkctl/policy.h"

int print_calls(json_object *calls)
{
	if (!calls)
		return 0;
	json_object_object_foreach(calls, arch, table)
	{
		if (!json_object_is_type(table, json_type_object))
			continue;
		printf("%s: %d calls not just allowed\n", arch, json_object_object_length(table));
		json_object_object_foreach(table, name, verdict)
			printf("  %-24s %s\n", name, json_object_get_string(verdict));
	}
	return 0;
}
