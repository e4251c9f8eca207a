/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Several policies as one: the product of their decisions, each call at its most restrictive. */
#include <string.h>

#include "proto/util.h"
#include "vkerneld/profile/graph.h"

/* Power of two. More pairs than this make no policy of VK_MAX_NODES nodes worth having. */
#define PAIRS (1u << 17)

typedef struct Pair {
	Entry a, b, product;
	bool used;
} Pair;

typedef struct Combiner {
	Graph *g;
	Pair *pairs;
	size_t n_pairs;
	int error;
} Combiner;

static void combiner_done(Combiner *c)
{
	graph_freep(&c->g);
	free(c->pairs);
}

static Pair *find_pair(Combiner *c, Entry a, Entry b)
{
	uint64_t h = ((uint64_t)a << 32 | b) * 0x9e3779b97f4a7c15u;
	size_t i = (size_t)(h >> 40) % PAIRS;

	while (c->pairs[i].used && (c->pairs[i].a != a || c->pairs[i].b != b))
		i = (i + 1) % PAIRS;
	return &c->pairs[i];
}

static Entry product(Combiner *c, Entry a, Entry b);

static Entry product_of_nodes(Combiner *c, Entry a, Entry b)
{
	Node n;
	Entry yes, no;

	if (!is_program(a)) {
		n = *graph_node(c->g, b);
		n.yes = product(c, a, n.yes);
		n.no = product(c, a, n.no);
		return graph_make(c->g, n);
	}
	n = *graph_node(c->g, a);
	yes = no = b;
	if (is_program(b)) {
		const Node *m = graph_node(c->g, b);

		if (m->mask == n.mask && m->value == n.value && m->op == n.op && m->arg == n.arg) {
			yes = m->yes;
			no = m->no;
		}
	}
	n.yes = product(c, n.yes, yes);
	n.no = product(c, n.no, no);
	return graph_make(c->g, n);
}

static Entry product(Combiner *c, Entry a, Entry b)
{
	Pair *pair;
	Entry e;

	if (c->error || a == b)
		return a;
	if (!is_program(a) && !is_program(b))
		return VK_VERDICT_ACTION(b) > VK_VERDICT_ACTION(a) ? b : a;
	pair = find_pair(c, a, b);
	if (pair->used)
		return pair->product;
	if (++c->n_pairs > PAIRS / 2) {
		c->error = -E2BIG;
		return a;
	}
	e = product_of_nodes(c, a, b);
	if (graph_error(c->g))
		c->error = graph_error(c->g);
	/* The table may have filled since. */
	pair = find_pair(c, a, b);
	*pair = (Pair){ .a = a, .b = b, .product = e, .used = true };
	return e;
}

static Entry imported(Entry e, const Entry *map)
{
	return is_program(e) ? map[e & ~VK_ENTRY_PROGRAM] : e;
}

/* Rebuilds the entries of @p in the graph. */
static int import(Graph *g, const Policy *p, EntryTable ret)
{
	_cleanup_free_ Entry *map = calloc(p->nr_nodes + 1, sizeof(*map));
	Node n;

	if (!map)
		return -ENOMEM;
	for (uint32_t i = p->nr_nodes; i-- > 0;) {
		n = p->nodes[i];
		n.yes = imported(n.yes, map);
		n.no = imported(n.no, map);
		map[i] = graph_make(g, n);
	}
	for (size_t t = 0; t < VK_NR_TABLES; t++)
		for (size_t i = 0; i <= VK_CALL_BEYOND; i++)
			ret[t][i] = imported(p->table[t][i], map);
	return graph_error(g);
}

static int combine_one(Combiner *c, const Policy *p, EntryTable table)
{
	EntryTable other;
	int r = import(c->g, p, other);

	if (r < 0)
		return r;
	for (size_t t = 0; t < VK_NR_TABLES; t++)
		for (size_t i = 0; i <= VK_CALL_BEYOND; i++)
			table[t][i] = product(c, table[t][i], other[t][i]);
	return c->error;
}

static int confine(Policy **p, const Policy *const *sources, size_t n)
{
	const struct vk_confinement *c;
	int r;

	for (size_t i = 0; i < n; i++)
		vk_for_each_confinement(c, sources[i]) {
			r = policy_confine(p, c);
			if (r < 0)
				return r;
		}
	return 0;
}

int policy_combine(const Policy *const *sources, size_t n, Policy **ret)
{
	_cleanup_(combiner_done) Combiner c = { .g = graph_new() };
	_cleanup_free_ Policy *p = NULL;
	EntryTable table;
	int r;

	if (!n)
		return policy_new_allow(ret);
	c.pairs = calloc(PAIRS, sizeof(*c.pairs));
	if (!c.g || !c.pairs)
		return -ENOMEM;
	r = import(c.g, sources[0], table);
	for (size_t i = 1; r == 0 && i < n; i++)
		r = combine_one(&c, sources[i], table);
	if (r == 0)
		r = graph_emit(c.g, table, &p);
	if (r == 0)
		r = confine(&p, sources, n);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(p);
	return 0;
}
