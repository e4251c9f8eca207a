/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes to the reader of packed AppArmor policies: it may refuse, but with a message, and the
 * automata that it returns can be walked without a look at any bound. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vkerneld/apparmor/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
	if (!holds)
		abort();
}

/* Over the input's own bytes, and once from every state. */
static void check_walk(const struct vk_dfa *dfa, const uint8_t *data, size_t size)
{
	uint32_t state = vk_dfa_match(dfa, dfa->start, data, (uint32_t)size);

	check(state < dfa->nr_states);
	for (state = 0; state < dfa->nr_states; state++) {
		uint32_t next = vk_dfa_next(dfa, state, (uint8_t)(data[state % size] | 1));

		check(next < dfa->nr_states);
		check(!vk_dfa_settled(dfa, state) || next == state);
	}
}

static void check_dfa(const struct vk_dfa *dfa, const uint8_t *data, size_t size)
{
	if (!dfa)
		return;
	check(vk_dfa_valid(dfa, vk_dfa_size(dfa)));
	check_walk(dfa, data, size);
}

static void check_targets(const ArmorProfile *p)
{
	uint32_t target;

	for (uint32_t i = 0; p->file && i < p->file->nr_states; i++)
		for (unsigned int shift = 0; shift <= ARMOR_OTHER_SHIFT;
		     shift += ARMOR_OTHER_SHIFT) {
			target = p->file->states[i].accept >>
					 (shift + ARMOR_EXEC_SHIFT + ARMOR_EXEC_TARGET_SHIFT) &
				 ARMOR_TARGET_MASK;
			check(target < ARMOR_TARGET_FIRST ||
			      p->transitions[target - ARMOR_TARGET_FIRST]);
		}
}

static void check_profile(const ArmorProfile *p, const uint8_t *data, size_t size)
{
	check(*p->name);
	check(p->mode <= ARMOR_UNCONFINED);
	check_dfa(p->policy, data, size);
	check_dfa(p->file, data, size);
	check_targets(p);
	(void)armor_mediates(p, ARMOR_CLASS_MOUNT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ProfileReport report = {};
	ArmorPolicy policy = {};
	int r = armor_unpack(data, size, &policy, &report);

	check((r == 0) == (policy.n > 0));
	check((r == 0) == (report.error == NULL));
	for (size_t i = 0; i < policy.n; i++)
		check_profile(&policy.profiles[i], data, size);
	armor_policy_done(&policy);
	profile_report_done(&report);
	return 0;
}
