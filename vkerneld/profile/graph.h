/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decisions under construction: nodes that are built once, however often they are asked for, in a
 * form that depends on what they decide more than on how they came about.
 */
#pragma once

#include <stdbool.h>

#include "vkerneld/profile/policy.h"

/* A verdict, or VK_ENTRY_PROGRAM and the index of a node of the graph: struct vk_policy's form. */
typedef uint32_t Entry;
typedef Entry EntryTable[VK_NR_TABLES][VK_NR_CALLS + 1];
typedef struct vk_node Node;

typedef struct Graph Graph;

static inline bool is_program(Entry e)
{
	return e & VK_ENTRY_PROGRAM;
}

Graph *graph_new(void);
void graph_freep(Graph **g);

#define _cleanup_graph_ __attribute__((cleanup(graph_freep)))

/*
 * The entry that decides as @node does; its branches are entries of @g. A failure is remembered
 * for graph_emit(); until then all entries stay safe to use.
 */
Entry graph_make(Graph *g, Node node);

/* -ENOMEM or -E2BIG once something failed. */
int graph_error(const Graph *g);

/* How many nodes there are, used or not. */
uint32_t graph_size(const Graph *g);

/* The node of a program; good until the next graph_make(). */
const Node *graph_node(const Graph *g, Entry program);

/* The sealed policy of these entries; -E2BIG if it takes more than VK_MAX_NODES nodes. */
int graph_emit(Graph *g, EntryTable table, Policy **ret);
