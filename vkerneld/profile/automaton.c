/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/profile/automaton.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "proto/util.h"

#define FIRST_ROOM 64
/* Places that are tried for a row before it goes to the end: large automata would take for ever. */
#define TRIES 1024

void automaton_done(Automaton *a)
{
	free(a->accept);
	free(a->accept2);
	free(a->next);
	*a = (Automaton){};
}

static int grow(uint32_t **array, size_t n)
{
	uint32_t *larger = reallocarray(*array, n, sizeof(**array));

	if (!larger)
		return -ENOMEM;
	*array = larger;
	return 0;
}

static int make_room(Automaton *a)
{
	const uint32_t room = a->room ? 2 * a->room : FIRST_ROOM;
	int r;

	if (a->n_states >= VK_DFA_MAX_STATES)
		return -E2BIG;
	r = grow(&a->accept, room);
	if (r >= 0)
		r = grow(&a->accept2, room);
	if (r >= 0)
		r = grow(&a->next, (size_t)room * a->n_classes);
	if (r >= 0)
		a->room = room;
	return r;
}

int automaton_add(Automaton *a, uint32_t accept, uint32_t accept2, uint32_t *ret)
{
	int r = a->n_states == a->room ? make_room(a) : 0;

	if (r < 0)
		return r;
	*ret = a->n_states++;
	a->accept[*ret] = accept;
	a->accept2[*ret] = accept2;
	memset(automaton_row(a, *ret), 0, a->n_classes * sizeof(*a->next));
	return 0;
}

int automaton_begin(Automaton *a, const uint8_t classes[256], uint32_t n_classes)
{
	uint32_t nomatch;

	*a = (Automaton){ .n_classes = n_classes };
	memcpy(a->classes, classes, sizeof(a->classes));
	return automaton_add(a, 0, 0, &nomatch);
}

/* Edges as they are placed. */
typedef struct Comb {
	struct vk_dfa_edge *edges;
	bool *taken;
	uint32_t n, room, low; /* below low there is no gap */
} Comb;

static void comb_done(Comb *c)
{
	free(c->edges);
	free(c->taken);
}

/* All that nobody takes is VK_DFA_NOMATCH's, whose edges lead back to it as its default does. */
static int comb_reserve(Comb *c, uint32_t n)
{
	struct vk_dfa_edge *edges;
	uint32_t room = c->room;
	bool *taken;

	if (n > VK_DFA_MAX_EDGES)
		return -E2BIG;
	if (n <= room)
		return 0;
	while (room < n)
		room = room ? 2 * room : FIRST_ROOM;
	edges = reallocarray(c->edges, room, sizeof(*edges));
	if (!edges)
		return -ENOMEM;
	c->edges = edges;
	taken = reallocarray(c->taken, room, sizeof(*taken));
	if (!taken)
		return -ENOMEM;
	c->taken = taken;
	memset(edges + c->room, 0, (room - c->room) * sizeof(*edges));
	memset(taken + c->room, 0, (room - c->room) * sizeof(*taken));
	c->room = room;
	return 0;
}

/* Where most bytes lead. */
static uint32_t most_frequent(const uint32_t *row, uint32_t n)
{
	uint32_t best = row[0], most = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t count = 0;

		for (uint32_t k = i; k < n; k++)
			count += row[k] == row[i];
		if (count > most) {
			most = count;
			best = row[i];
		}
	}
	return best;
}

static bool fits(const Comb *c, uint32_t base, const uint32_t *row, uint32_t n, uint32_t otherwise)
{
	for (uint32_t i = 0; i < n; i++)
		if (row[i] != otherwise && c->taken[base + i])
			return false;
	return true;
}

static int comb_place(Comb *c, const Automaton *a, uint32_t state, struct vk_dfa_state *ret)
{
	const uint32_t *row = automaton_row(a, state);
	const uint32_t n = a->n_classes, otherwise = most_frequent(row, n);
	uint32_t base = c->low;
	int r;

	r = comb_reserve(c, c->n + TRIES + n);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < TRIES && !fits(c, base, row, n, otherwise); i++)
		base++;
	if (!fits(c, base, row, n, otherwise))
		base = c->n;
	for (uint32_t i = 0; i < n; i++)
		if (row[i] != otherwise) {
			c->edges[base + i] = (struct vk_dfa_edge){ (uint16_t)row[i], (uint16_t)state };
			c->taken[base + i] = true;
		}
	while (c->taken[c->low])
		c->low++;
	if (c->n < base + n)
		c->n = base + n;
	*ret = (struct vk_dfa_state){ .base = base,
				      .otherwise = otherwise,
				      .accept = a->accept[state],
				      .accept2 = a->accept2[state] };
	return 0;
}

static void settle(struct vk_dfa *dfa)
{
	for (uint32_t i = 0; i < dfa->nr_states; i++)
		if (vk_dfa_stays(dfa, i, 1))
			dfa->states[i].base |= VK_DFA_SETTLED;
}

static int assemble(const Automaton *a, const struct vk_dfa_state *states, const Comb *c,
		    struct vk_dfa **ret)
{
	const struct vk_dfa head = { .nr_states = a->n_states,
				     .nr_edges = c->n,
				     .start = a->start };
	struct vk_dfa *dfa = calloc(1, vk_dfa_size(&head));

	if (!dfa)
		return -ENOMEM;
	*dfa = head;
	memcpy(dfa->classes, a->classes, sizeof(dfa->classes));
	memcpy(dfa->states, states, a->n_states * sizeof(*states));
	memcpy(dfa->states + a->n_states, c->edges, c->n * sizeof(*c->edges));
	settle(dfa);
	*ret = dfa;
	return 0;
}

static bool columns_alike(const Automaton *a, uint32_t x, uint32_t y)
{
	for (uint32_t i = 0; i < a->n_states; i++)
		if (automaton_row(a, i)[x] != automaton_row(a, i)[y])
			return false;
	return true;
}

/* Takes the columns that are like an earlier one out of all rows. */
static void drop_columns(Automaton *a, const uint32_t *kept, uint32_t n)
{
	for (uint32_t i = 0; i < a->n_states; i++)
		for (uint32_t k = 0; k < n; k++)
			a->next[(size_t)i * n + k] = automaton_row(a, i)[kept[k]];
	a->n_classes = n;
}

/* Classes that fare alike in all states become one. */
static void merge_classes(Automaton *a)
{
	uint32_t kept[256], n = 0;
	uint8_t now[256];

	for (uint32_t i = 0; i < a->n_classes; i++) {
		uint32_t k = 0;

		while (k < n && !columns_alike(a, kept[k], i))
			k++;
		if (k == n)
			kept[n++] = i;
		now[i] = (uint8_t)k;
	}
	for (uint32_t i = 0; i < 256; i++)
		a->classes[i] = now[a->classes[i]];
	drop_columns(a, kept, n);
}

int automaton_pack(Automaton *a, struct vk_dfa **ret)
{
	_cleanup_(comb_done) Comb c = {};
	_cleanup_free_ struct vk_dfa_state *states = calloc(a->n_states, sizeof(*states));
	int r = states ? 0 : -ENOMEM;

	merge_classes(a);
	for (uint32_t i = 0; r == 0 && i < a->n_states; i++)
		r = comb_place(&c, a, i, &states[i]);
	return r < 0 ? r : assemble(a, states, &c, ret);
}
