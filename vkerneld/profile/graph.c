/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/profile/graph.h"

#include <string.h>

#include "proto/util.h"
#include "vkerneld/profile/simplify.h"

/* Garbage of simplification included; a policy holds VK_MAX_NODES. */
#define NODES_MAX (1u << 18)
#define BUCKETS (1u << 14)
/* Simplification past this costs more than it saves: the rest stays as it is. */
#define VISITS_MAX (1u << 23)
#define NONE UINT32_MAX

typedef struct Slot {
	Node node;
	uint32_t next; /* of the bucket */
	uint16_t depth; /* longest walk from here */
	uint8_t args; /* bit set of the arguments that matter from here on */
	/* what assume() made of this entry in its pass @pass */
	uint32_t pass;
	Entry assumed;
} Slot;

struct Graph {
	Slot *slots;
	uint32_t used, allocated;
	uint32_t buckets[BUCKETS];
	uint32_t pass;
	uint32_t visits;
	int error;
};

Graph *graph_new(void)
{
	Graph *g = calloc(1, sizeof(*g));

	if (g)
		memset(g->buckets, 0xff, sizeof(g->buckets));
	return g;
}

void graph_freep(Graph **g)
{
	if (!*g)
		return;
	free((*g)->slots);
	free(*g);
	*g = NULL;
}

int graph_error(const Graph *g)
{
	return g->error;
}

static Slot *slot_of(const Graph *g, Entry program)
{
	return &g->slots[program & ~VK_ENTRY_PROGRAM];
}

uint32_t graph_size(const Graph *g)
{
	return g->used;
}

const Node *graph_node(const Graph *g, Entry program)
{
	return &slot_of(g, program)->node;
}

static uint32_t hash(const Node *n)
{
	uint64_t h = n->mask * 0x9e3779b97f4a7c15u;

	h = (h ^ n->value) * 0x9e3779b97f4a7c15u;
	h = (h ^ (h >> 29) ^ ((uint64_t)n->yes << 32 | n->no)) * 0x9e3779b97f4a7c15u;
	h = (h ^ (h >> 29) ^ ((uint64_t)n->op << 8 | n->arg)) * 0x9e3779b97f4a7c15u;
	return (uint32_t)(h >> 40) % BUCKETS;
}

static bool same(const Node *a, const Node *b)
{
	return a->mask == b->mask && a->value == b->value && a->yes == b->yes && a->no == b->no &&
	       a->op == b->op && a->arg == b->arg;
}

static unsigned int depth_of(const Graph *g, Entry e)
{
	return is_program(e) ? slot_of(g, e)->depth : 0;
}

static uint8_t args_of(const Graph *g, Entry e)
{
	return is_program(e) ? slot_of(g, e)->args : 0;
}

/* A wrong entry does no harm behind a failure, but a refusal is the safe one. */
static Entry fail(Graph *g, int error)
{
	if (!g->error)
		g->error = error;
	return VK_VERDICT(VK_KILL_PROCESS, 0);
}

static int reserve(Graph *g)
{
	uint32_t wanted = g->allocated ? 2 * g->allocated : 256;
	Slot *grown;

	if (g->used < g->allocated)
		return 0;
	if (wanted > NODES_MAX)
		return -E2BIG;
	grown = realloc(g->slots, wanted * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	g->slots = grown;
	g->allocated = wanted;
	return 0;
}

static Entry add(Graph *g, const Node *n, uint32_t bucket)
{
	unsigned int yes = depth_of(g, n->yes), no = depth_of(g, n->no);
	unsigned int depth = 1 + (yes > no ? yes : no);
	int r;

	/* Walks are recursive here, and longer ones could not be emitted. */
	if (depth > VK_MAX_NODES)
		return fail(g, -E2BIG);
	r = reserve(g);
	if (r < 0)
		return fail(g, r);
	g->slots[g->used] = (Slot){
		.node = *n,
		.next = g->buckets[bucket],
		.depth = (uint16_t)depth,
		.args = (uint8_t)(1u << n->arg | args_of(g, n->yes) | args_of(g, n->no)),
	};
	g->buckets[bucket] = g->used;
	return VK_ENTRY_PROGRAM | g->used++;
}

/* The node as it is, in its normal form, built once. */
static Entry intern(Graph *g, Node n)
{
	uint32_t bucket, i;
	Entry entry;

	if (!node_normalise(&n, &entry))
		return entry;
	if (g->error)
		return fail(g, g->error);
	bucket = hash(&n);
	for (i = g->buckets[bucket]; i != NONE; i = g->slots[i].next)
		if (same(&g->slots[i].node, &n))
			return VK_ENTRY_PROGRAM | i;
	return add(g, &n, bucket);
}

static bool exhausted(const Graph *g)
{
	return g->visits >= VISITS_MAX || g->used >= NODES_MAX / 2;
}

static Entry assume(Graph *g, Entry e, const Node *known, bool outcome);

static Entry assume_node(Graph *g, Entry e, const Node *known, bool outcome)
{
	Node n = *graph_node(g, e);
	int implied = node_implied(known, outcome, &n);

	if (implied >= 0)
		return assume(g, implied ? n.yes : n.no, known, outcome);
	if (outcome)
		node_reduce(known, &n);
	n.yes = assume(g, n.yes, known, outcome);
	n.no = assume(g, n.no, known, outcome);
	return intern(g, n);
}

/* What is left of @e where @known came out as @outcome. */
static Entry assume(Graph *g, Entry e, const Node *known, bool outcome)
{
	Entry assumed;
	Slot *slot;

	if (!(args_of(g, e) & 1u << known->arg) || g->error || exhausted(g))
		return e;
	slot = slot_of(g, e);
	if (slot->pass == g->pass)
		return slot->assumed;
	g->visits++;
	assumed = assume_node(g, e, known, outcome);
	slot = slot_of(g, e);
	slot->pass = g->pass;
	slot->assumed = assumed;
	return assumed;
}

static Entry assume_anew(Graph *g, Entry e, const Node *known, bool outcome)
{
	g->pass++;
	return assume(g, e, known, outcome);
}

static bool is_equal(const Graph *g, Entry e, unsigned int arg)
{
	const Node *n;

	if (!is_program(e))
		return false;
	n = graph_node(g, e);
	return n->op == VK_OP_EQ && n->arg == arg;
}

/* Two EQs that one value of the argument can satisfy. */
static bool compatible(const Graph *g, Entry e, const Node *n)
{
	const Node *link;

	if (!is_equal(g, e, n->arg))
		return false;
	link = graph_node(g, e);
	return (link->value & n->mask) == (n->value & link->mask);
}

/* Whether such a chain, from @n's "yes" on and followed through "no", leads to @end. */
static bool chain_ends_at(const Graph *g, const Node *n, Entry end)
{
	Entry e = n->yes;

	while (e != end && compatible(g, e, n))
		e = graph_node(g, e)->no;
	return e == end;
}

static Entry widen_chain(Graph *g, const Node *n, Entry e, Entry end)
{
	Node link;

	if (e == end)
		return n->no;
	link = *graph_node(g, e);
	link.mask |= n->mask;
	link.value |= n->value;
	link.no = widen_chain(g, n, link.no, end);
	return intern(g, link);
}

/*
 * high == H and then low == L (or one of several L), else the same as high != H: the two words
 * become one comparison. Filters see 32 bits at a time, the core 64.
 */
static bool join_equals(Graph *g, const Node *n, Entry *ret)
{
	Entry end;

	if (n->op != VK_OP_EQ)
		return false;
	end = assume_anew(g, n->no, n, true);
	if (n->yes == end || !chain_ends_at(g, n, end))
		return false;
	*ret = widen_chain(g, n, n->yes, end);
	return true;
}

static bool is_word(uint64_t mask, unsigned int shift)
{
	return mask == 0xffffffffull << shift;
}

/* @e as the comparison low > *bound of @arg. */
static bool low_greater(const Graph *g, Entry e, unsigned int arg, uint64_t *bound, Entry *above,
			Entry *below)
{
	const Node *n;

	if (!is_program(e))
		return false;
	n = graph_node(g, e);
	return n->arg == arg && is_word(n->mask, 0) && node_as_greater(n, bound, above, below);
}

static Entry make_wide(Graph *g, const Node *n, uint64_t bound, Entry above, Entry below)
{
	return intern(g, (Node){ .mask = UINT64_MAX,
				 .value = bound,
				 .op = VK_OP_GT,
				 .arg = n->arg,
				 .yes = above,
				 .no = below });
}

/* high > H, else high == H and low > L. */
static bool join_greater(Graph *g, const Node *n, Entry *ret)
{
	Entry above, rest, low_above, low_below;
	uint64_t bound, low;
	Node equal;

	if (!node_as_greater(n, &bound, &above, &rest) || !is_equal(g, rest, n->arg))
		return false;
	equal = *graph_node(g, rest);
	if (!is_word(equal.mask, 32) || equal.value != bound ||
	    !low_greater(g, equal.yes, n->arg, &low, &low_above, &low_below) || low_above != above)
		return false;
	equal.yes = low_below;
	*ret = make_wide(g, n, bound | low, above, graph_make(g, equal));
	return true;
}

/* The same where H is 0 or the greatest, which leaves only the comparison with H itself. */
static bool join_greater_edge(Graph *g, const Node *n, Entry *ret)
{
	Entry above, below;
	uint64_t low;

	if (n->op != VK_OP_EQ || (n->value != 0 && n->value != n->mask) ||
	    !low_greater(g, n->yes, n->arg, &low, &above, &below) ||
	    n->no != (n->value ? below : above))
		return false;
	*ret = make_wide(g, n, n->value | low, above, below);
	return true;
}

static bool join_words(Graph *g, const Node *n, Entry *ret)
{
	if (join_equals(g, n, ret))
		return true;
	return is_word(n->mask, 32) && (join_greater(g, n, ret) || join_greater_edge(g, n, ret));
}

/* Above V or equal to V, to the same end: at least V. */
static void join_at_least(const Graph *g, Node *n)
{
	const Node *rest;

	if (n->op != VK_OP_GT || !is_equal(g, n->no, n->arg))
		return;
	rest = graph_node(g, n->no);
	if (rest->mask != n->mask || rest->value != n->value || rest->yes != n->yes)
		return;
	n->op = VK_OP_GE;
	n->no = rest->no;
}

Entry graph_make(Graph *g, Node n)
{
	Entry entry;

	if (!node_normalise(&n, &entry))
		return entry;
	n.yes = assume_anew(g, n.yes, &n, true);
	n.no = assume_anew(g, n.no, &n, false);
	join_at_least(g, &n);
	if (!node_normalise(&n, &entry))
		return entry;
	if (join_words(g, &n, &entry))
		return entry;
	return intern(g, n);
}
