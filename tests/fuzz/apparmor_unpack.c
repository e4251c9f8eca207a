/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes to the reader of packed AppArmor policies: it may refuse, but with a message, and the
 * automata that it returns can be walked without a look at any bound; and what becomes of any of
 * the profiles is a confinement that the core would take. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vkerneld/apparmor/confine.h"

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

static void check_words(const struct vk_confinement *c)
{
	const struct vk_dfa *file = vk_confinement_file(c), *other = vk_confinement_other(c);

	for (uint32_t i = 0; file && i < file->nr_states; i++)
		check(!(file->states[i].accept & ~(ARMOR_ALL | (uint32_t)ARMOR_ALL << 14)));
	for (uint32_t i = 0; other && i < other->nr_states; i++)
		check(!(other->states[i].accept & ~(uint32_t)ARMOR_ALL));
}

static void check_policy(const struct vk_confinement *c)
{
	Policy *p = NULL;

	check(vk_confinement_valid(c, c->size));
	check_words(c);
	check(policy_new_allow(&p) == 0 && policy_confine(&p, c) == 0);
	check(vk_confinements_valid(p) && p->mediates == c->mediates);
	free(p);
}

static void check_confine(const ArmorPolicy *policy, const char *name, bool inherit)
{
	const ArmorChoice choice = { .profile = name, .exec_inherit = inherit };
	struct vk_confinement *c = NULL;
	ProfileReport report = {};
	int r = armor_confine(policy, &choice, &c, &report);

	check((r < 0) == (report.error != NULL));
	check(r == 0 || !c);
	if (c)
		check_policy(c);
	free(c);
	profile_report_done(&report);
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
	for (size_t i = 0; i < policy.n && i < 4; i++)
		check_confine(&policy, i ? policy.profiles[i].name : NULL, i % 2);
	armor_policy_done(&policy);
	profile_report_done(&report);
	return 0;
}
