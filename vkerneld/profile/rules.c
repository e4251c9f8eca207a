/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/profile/rules.h"

#include "proto/util.h"

void rules_done(Rules *rules)
{
	free(rules->list);
	*rules = (Rules){};
}

int rules_add(Rules *rules, const Rule *rule, ProfileReport *report)
{
	size_t wanted = rules->allocated ? 2 * rules->allocated : 512;
	Rule *grown;

	if (rules->n == RULES_MAX)
		return profile_fail(report, -E2BIG,
				    "syscalls[%u]: more than %d rules; merge or split the profile",
				    rule->source, RULES_MAX);
	if (rules->n == rules->allocated) {
		grown = realloc(rules->list, wanted * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		rules->list = grown;
		rules->allocated = wanted;
	}
	rules->list[rules->n++] = *rule;
	return 0;
}
