/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes to the reader of profiles: it may refuse, but with a message, and what it returns is
 * sound. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <vkernel/verdict.h>

#include "vkerneld/profile/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
	if (!holds)
		abort();
}

static void check_report(const ProfileReport *report)
{
	for (size_t i = 0; i < report->n_warnings; i++)
		for (const char *c = report->warnings[i]; *c; c++)
			check(*c >= 0x20 && *c < 0x7f);
	check(!report->warnings || !report->warnings[report->n_warnings]);
	check(!report->error || *report->error);
}

static void check_policy(const Policy *p)
{
	static const __u64 args[2][6] = { {}, { 1, ~0ull, 1ull << 32, 8, 0xffffffff, 1ull << 63 } };
	const Policy *twice[] = { p, p };
	json_object *text = NULL;
	Policy *both = NULL;

	check(vk_policy_valid(p));
	check(policy_describe(p, &text) == 0);
	json_object_put(text);
	if (policy_combine(twice, 2, &both) < 0)
		return;
	check(vk_policy_valid(both) && vk_confinements_valid(both));
	for (int t = 0; t < VK_NR_TABLES; t++)
		for (int i = 0; i <= VK_CALL_BEYOND; i++)
			for (int a = 0; a < 2; a++)
				check(vk_verdict(p, p->table[t][i], args[a]) ==
				      vk_verdict(both, both->table[t][i], args[a]));
	free(both);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const capabilities[] = { "CAP_CHOWN", NULL };
	static const ProfileTarget target = { 6, 1, capabilities };
	ProfileReport report = {};
	Policy *p = NULL;
	int r = profile_read_seccomp((const char *)data, size, &target, &p, &report);

	check((r == 0) == (p != NULL));
	check((r == 0) == (report.error == NULL));
	check_report(&report);
	if (p)
		check_policy(p);
	free(p);
	profile_report_done(&report);
	return 0;
}
