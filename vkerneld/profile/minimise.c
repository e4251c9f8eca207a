/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Moore's refinement: states are one until some byte tells them apart. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "proto/util.h"
#include "vkerneld/profile/automaton.h"

/* States looked at: each byte of the longest path takes a look at all. */
#define WORK_MAX (1u << 19)

typedef struct Refinement {
	const Automaton *a;
	uint32_t *group, *refined; /* of each state; that of VK_DFA_NOMATCH is 0 */
	uint32_t *first; /* of each group, a state of it */
	uint32_t n; /* groups */
	uint32_t *slots, n_slots; /* a hash of groups: their number and 1, or 0 */
} Refinement;

static void refinement_done(Refinement *r)
{
	free(r->group);
	free(r->refined);
	free(r->first);
	free(r->slots);
}

static int refinement_begin(Refinement *r, const Automaton *a)
{
	r->a = a;
	r->n_slots = 16;
	while (r->n_slots < 2 * a->n_states)
		r->n_slots *= 2;
	r->group = calloc(a->n_states, sizeof(*r->group));
	r->refined = calloc(a->n_states, sizeof(*r->refined));
	r->first = calloc(a->n_states, sizeof(*r->first));
	r->slots = calloc(r->n_slots, sizeof(*r->slots));
	return r->group && r->refined && r->first && r->slots ? 0 : -ENOMEM;
}

static uint64_t mix(uint64_t hash, uint32_t value)
{
	return (hash ^ value) * 0x9e3779b97f4a7c15u;
}

static uint64_t hash_of(const Refinement *r, uint32_t state)
{
	const uint32_t *row = automaton_row(r->a, state);
	uint64_t hash =
		mix(mix(mix(0, r->group[state]), r->a->accept[state]), r->a->accept2[state]);

	for (uint32_t i = 0; i < r->a->n_classes; i++)
		hash = mix(hash ^ hash >> 32, r->group[row[i]]);
	return hash ^ hash >> 32;
}

static bool alike(const Refinement *r, uint32_t a, uint32_t b)
{
	const uint32_t *of_a = automaton_row(r->a, a), *of_b = automaton_row(r->a, b);

	if (r->group[a] != r->group[b] || r->a->accept[a] != r->a->accept[b] ||
	    r->a->accept2[a] != r->a->accept2[b])
		return false;
	for (uint32_t i = 0; i < r->a->n_classes; i++)
		if (r->group[of_a[i]] != r->group[of_b[i]])
			return false;
	return true;
}

static uint32_t group_of(Refinement *r, uint32_t state)
{
	for (uint64_t i = hash_of(r, state);; i++) {
		uint32_t *slot = &r->slots[i & (r->n_slots - 1)];

		if (!*slot) {
			r->first[r->n] = state;
			*slot = ++r->n;
			return *slot - 1;
		}
		if (alike(r, r->first[*slot - 1], state))
			return *slot - 1;
	}
}

/* Whether there are more groups than before. */
static bool refine(Refinement *r)
{
	const uint32_t before = r->n;
	uint32_t *old = r->group;

	memset(r->slots, 0, r->n_slots * sizeof(*r->slots));
	r->n = 0;
	for (uint32_t i = 0; i < r->a->n_states; i++)
		r->refined[i] = group_of(r, i);
	r->group = r->refined;
	r->refined = old;
	return r->n > before;
}

static int rebuild(const Refinement *r, Automaton *ret)
{
	int error = automaton_begin(ret, r->a->classes, r->a->n_classes);

	for (uint32_t i = 1; error == 0 && i < r->n; i++) {
		uint32_t state;

		error = automaton_add(ret, r->a->accept[r->first[i]], r->a->accept2[r->first[i]],
				      &state);
	}
	for (uint32_t i = 0; error == 0 && i < r->n; i++)
		for (uint32_t k = 0; k < ret->n_classes; k++)
			automaton_row(ret, i)[k] = r->group[automaton_row(r->a, r->first[i])[k]];
	ret->start = r->group[r->a->start];
	return error;
}

int automaton_minimise(Automaton *a)
{
	_cleanup_(refinement_done) Refinement r = {};
	_cleanup_automaton_ Automaton smaller = {};
	int error = refinement_begin(&r, a);

	if (error < 0)
		return error;
	for (uint64_t work = a->n_states; refine(&r); work += a->n_states)
		if (work > WORK_MAX)
			return 0;
	error = rebuild(&r, &smaller);
	if (error < 0)
		return error;
	automaton_done(a);
	*a = smaller;
	smaller = (Automaton){};
	return 0;
}
