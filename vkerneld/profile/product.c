/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/profile/product.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/util.h"
#include "vkerneld/profile/automaton.h"

#define FIRST_SLOTS 1024

/* The states that pairs became. */
typedef struct Pair {
	uint32_t a, b;
} Pair;

typedef struct Product {
	const struct vk_dfa *a, *b;
	ProductAccept accept;
	Automaton made;
	Pair *pairs; /* by state */
	uint32_t n_pairs, room;
	uint32_t *slots; /* a hash of pairs: states, or 0 */
	uint32_t n_slots; /* a power of two, more than twice the pairs */
} Product;

static void product_done(Product *p)
{
	automaton_done(&p->made);
	free(p->pairs);
	free(p->slots);
}

/* Bytes that fare alike in both. */
static void combine_classes(const struct vk_dfa *a, const struct vk_dfa *b, uint8_t ret[256],
			    uint32_t *ret_n)
{
	*ret_n = 0;
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t like = 0;

		while (a->classes[like] != a->classes[i] || b->classes[like] != b->classes[i])
			like++;
		ret[i] = like < i ? ret[like] : (uint8_t)(*ret_n)++;
	}
}

static uint32_t *find_slot(const Product *p, Pair pair)
{
	const uint64_t key = (uint64_t)pair.a << 32 | pair.b;
	uint32_t i = (uint32_t)(key * 0x9e3779b97f4a7c15u >> 32);

	for (;; i++) {
		uint32_t *slot = &p->slots[i & (p->n_slots - 1)];

		if (!*slot || (p->pairs[*slot].a == pair.a && p->pairs[*slot].b == pair.b))
			return slot;
	}
}

static int grow(Product *p)
{
	const uint32_t n = p->n_slots ? 2 * p->n_slots : FIRST_SLOTS;
	Pair *pairs = reallocarray(p->pairs, n / 2, sizeof(*pairs));

	if (!pairs)
		return -ENOMEM;
	p->pairs = pairs;
	p->room = n / 2;
	free(p->slots);
	p->slots = calloc(n, sizeof(*p->slots));
	p->n_slots = p->slots ? n : 0;
	if (!p->slots)
		return -ENOMEM;
	for (uint32_t i = 1; i < p->n_pairs; i++)
		*find_slot(p, p->pairs[i]) = i;
	return 0;
}

/* Made when first met; its row is filled when its turn comes. */
static int state_of(Product *p, Pair pair, uint32_t *ret)
{
	uint32_t *slot;
	Accepted both;
	int r;

	*ret = VK_DFA_NOMATCH;
	if (pair.a == VK_DFA_NOMATCH || pair.b == VK_DFA_NOMATCH)
		return 0;
	r = p->n_pairs == p->room ? grow(p) : 0;
	if (r < 0)
		return r;
	slot = find_slot(p, pair);
	*ret = *slot;
	if (*slot)
		return 0;
	if (p->n_pairs == PRODUCT_MAX_STATES)
		return -E2BIG;
	both = p->accept(&p->a->states[pair.a], &p->b->states[pair.b]);
	r = automaton_add(&p->made, both.accept, both.accept2, ret);
	if (r < 0)
		return r;
	*slot = *ret;
	p->pairs[p->n_pairs++] = pair;
	return 0;
}

static int fill_row(Product *p, uint32_t state)
{
	uint32_t seen = 0;

	for (uint32_t byte = 0; byte < 256 && seen < p->made.n_classes; byte++) {
		const Pair at = p->pairs[state];
		uint32_t next;
		int r;

		if (p->made.classes[byte] < seen)
			continue;
		r = state_of(p,
			     (Pair){ vk_dfa_next(p->a, at.a, (uint8_t)byte),
				     vk_dfa_next(p->b, at.b, (uint8_t)byte) },
			     &next);
		if (r < 0)
			return r;
		automaton_row(&p->made, state)[seen++] = next;
	}
	return 0;
}

int dfa_product(const struct vk_dfa *a, const struct vk_dfa *b, ProductAccept accept,
		struct vk_dfa **ret)
{
	_cleanup_(product_done) Product p = { .a = a, .b = b, .accept = accept };
	uint8_t classes[256];
	uint32_t n_classes;
	int r;

	combine_classes(a, b, classes, &n_classes);
	r = automaton_begin(&p.made, classes, n_classes);
	if (r == 0)
		r = grow(&p);
	if (r < 0)
		return r;
	p.pairs[p.n_pairs++] = (Pair){ VK_DFA_NOMATCH, VK_DFA_NOMATCH };
	r = state_of(&p, (Pair){ a->start, b->start }, &p.made.start);
	for (uint32_t i = 1; r == 0 && i < p.made.n_states; i++)
		r = fill_row(&p, i);
	if (r == 0)
		r = automaton_minimise(&p.made);
	return r < 0 ? r : automaton_pack(&p.made, ret);
}
