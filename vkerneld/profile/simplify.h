/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What comparisons say about each other. */
#pragma once

#include <stdbool.h>

#include "vkerneld/profile/graph.h"

/*
 * Brings a comparison to the one form that all its equals share, EQ where that can say it and GT
 * else; branches may change places. Returns false if it decides nothing: *entry is then the branch
 * that is always taken.
 */
bool node_normalise(Node *n, Entry *entry);

/* Given that @known came out as @outcome: 1 if @n holds then, 0 if it does not, -1 if it may. */
int node_implied(const Node *known, bool outcome, const Node *n);

/* Given that @known holds, takes the bits that it decides out of @n. */
void node_reduce(const Node *known, Node *n);

/*
 * @n seen as "(argument & n->mask) > *bound": false if it can not be. *above is where it leads
 * then, *below where else.
 */
bool node_as_greater(const Node *n, uint64_t *bound, Entry *above, Entry *below);
