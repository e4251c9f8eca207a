/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a graph to the bytes of a policy. */
#include <string.h>

#include "proto/util.h"
#include "vkerneld/profile/graph.h"

#define NONE UINT32_MAX

/* The nodes that a policy needs, parents first: the order of their bytes. */
typedef struct Layout {
	const Graph *g;
	Entry *order; /* children first */
	uint32_t *place; /* of each node in order, or NONE */
	uint32_t count;
} Layout;

static void layout_done(Layout *l)
{
	free(l->order);
	free(l->place);
}

static void lay_out(Layout *l, Entry e)
{
	uint32_t i = e & ~VK_ENTRY_PROGRAM;

	if (!is_program(e) || l->place[i] != NONE)
		return;
	lay_out(l, graph_node(l->g, e)->yes);
	lay_out(l, graph_node(l->g, e)->no);
	l->place[i] = l->count;
	l->order[l->count++] = e;
}

static Entry placed(const Layout *l, Entry e)
{
	if (!is_program(e))
		return e;
	return VK_ENTRY_PROGRAM | (l->count - 1 - l->place[e & ~VK_ENTRY_PROGRAM]);
}

static int lay_out_table(Layout *l, EntryTable table)
{
	size_t t, i, size = graph_size(l->g) + 1;

	l->order = malloc(size * sizeof(*l->order));
	l->place = malloc(size * sizeof(*l->place));
	if (!l->order || !l->place)
		return -ENOMEM;
	memset(l->place, 0xff, size * sizeof(*l->place));
	for (t = 0; t < VK_NR_TABLES; t++)
		for (i = 0; i <= VK_CALL_BEYOND; i++)
			lay_out(l, table[t][i]);
	return l->count > VK_MAX_NODES ? -E2BIG : 0;
}

int graph_emit(Graph *g, EntryTable table, Policy **ret)
{
	_cleanup_(layout_done) Layout l = { .g = g };
	Policy *p;
	Node *n;
	uint32_t t, i, size;
	int r;

	r = graph_error(g);
	if (r < 0)
		return r;
	r = lay_out_table(&l, table);
	if (r < 0)
		return r;
	size = (uint32_t)(sizeof(*p) + l.count * sizeof(p->nodes[0]));
	p = calloc(1, size);
	if (!p)
		return -ENOMEM;
	p->abi = VK_POLICY_ABI;
	p->size = size;
	p->capabilities = UINT64_MAX;
	p->nr_nodes = l.count;
	for (t = 0; t < VK_NR_TABLES; t++)
		for (i = 0; i <= VK_CALL_BEYOND; i++)
			p->table[t][i] = placed(&l, table[t][i]);
	for (i = 0; i < l.count; i++) {
		n = &p->nodes[i];
		*n = *graph_node(g, l.order[l.count - 1 - i]);
		n->yes = placed(&l, n->yes);
		n->no = placed(&l, n->no);
	}
	policy_seal(p);
	*ret = p;
	return 0;
}
