/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/profile/simplify.h"

#include <vkernel/verdict.h>

#include "proto/util.h"

static void swap_branches(Node *n)
{
	Entry yes = n->yes;

	n->yes = n->no;
	n->no = yes;
}

/* The greatest number up to @value that has no bit outside @mask. */
static uint64_t round_down(uint64_t value, uint64_t mask)
{
	uint64_t outside = value & ~mask, below;

	if (!outside)
		return value;
	below = UINT64_MAX >> __builtin_clzll(outside);
	return (value & mask & ~below) | (mask & below);
}

static uint64_t lowest_bit(uint64_t mask)
{
	return mask & -mask;
}

static bool always(Entry *entry, Entry branch)
{
	*entry = branch;
	return false;
}

static bool normalise_greater(Node *n, Entry *entry)
{
	if (n->value >= n->mask)
		return always(entry, n->no);
	n->value = round_down(n->value, n->mask);
	if (n->value == 0) {
		n->op = VK_OP_EQ;
		swap_branches(n);
	} else if (n->value == n->mask - lowest_bit(n->mask)) {
		n->op = VK_OP_EQ;
		n->value = n->mask;
	}
	return true;
}

bool node_normalise(Node *n, Entry *entry)
{
	if (n->yes == n->no)
		return always(entry, n->yes);
	if (!n->mask)
		return always(entry, vk_node_holds(n, 0) ? n->yes : n->no);
	if (n->op == VK_OP_GE) {
		if (n->value == 0)
			return always(entry, n->yes);
		n->op = VK_OP_GT;
		n->value--;
	}
	if (n->op == VK_OP_GT)
		return normalise_greater(n, entry);
	if (n->value & ~n->mask)
		return always(entry, n->no);
	return true;
}

bool node_as_greater(const Node *n, uint64_t *bound, Entry *above, Entry *below)
{
	bool swapped = n->op == VK_OP_EQ && n->value == 0;

	if (n->op == VK_OP_GT)
		*bound = n->value;
	else if (swapped)
		*bound = 0;
	else if (n->value == n->mask)
		*bound = n->mask - lowest_bit(n->mask);
	else
		return false;
	*above = swapped ? n->no : n->yes;
	*below = swapped ? n->yes : n->no;
	return true;
}

static bool within(uint64_t inner, uint64_t outer)
{
	return !(inner & ~outer);
}

/* Whether @upper is the upper part of @mask, so that its order is that of the leading bits. */
static bool leads(uint64_t upper, uint64_t mask)
{
	return within(upper, mask) && (mask & ~upper) < lowest_bit(upper);
}

/* @known is an EQ that holds. */
static int implied_by_equal(const Node *known, const Node *n)
{
	uint64_t leading = n->value & known->mask;

	if (within(n->mask, known->mask))
		return vk_node_holds(n, known->value);
	if (n->op == VK_OP_EQ)
		return (known->value & n->mask) == leading ? -1 : 0;
	if (!leads(known->mask, n->mask) || known->value == leading)
		return -1;
	return known->value > leading;
}

/* Both are GT; (argument & known->mask) is above or not above known->value. */
static int implied_by_order(const Node *known, bool above, const Node *n)
{
	uint64_t bound;

	if (n->mask == known->mask) {
		if (above)
			return n->value <= known->value ? 1 : -1;
		return n->value >= known->value ? 0 : -1;
	}
	if (leads(n->mask, known->mask)) {
		bound = known->value & n->mask;
		if (above)
			return n->value < bound ? 1 : -1;
		return n->value >= bound ? 0 : -1;
	}
	if (leads(known->mask, n->mask)) {
		bound = n->value & known->mask;
		if (above)
			return bound <= known->value ? 1 : -1;
		return bound > known->value ? 0 : -1;
	}
	return -1;
}

/* @known is a GT, @n an EQ on the leading bits of its argument. */
static int equal_within_order(const Node *known, bool above, const Node *n)
{
	uint64_t bound = known->value & n->mask;

	if (!leads(n->mask, known->mask))
		return -1;
	return (above ? n->value < bound : n->value > bound) ? 0 : -1;
}

int node_implied(const Node *known, bool outcome, const Node *n)
{
	if (known->arg != n->arg)
		return -1;
	if (known->op == VK_OP_EQ && outcome)
		return implied_by_equal(known, n);
	if (n->op == VK_OP_EQ && within(known->mask, n->mask) &&
	    vk_node_holds(known, n->value) != outcome)
		return 0;
	if (known->op != VK_OP_GT)
		return -1;
	if (n->op == VK_OP_GT)
		return implied_by_order(known, outcome, n);
	return equal_within_order(known, outcome, n);
}

void node_reduce(const Node *known, Node *n)
{
	uint64_t leading = n->value & known->mask;

	if (known->op != VK_OP_EQ || known->arg != n->arg)
		return;
	if (n->op == VK_OP_GT && (!leads(known->mask, n->mask) || leading != known->value))
		return;
	n->mask &= ~known->mask;
	n->value &= ~known->mask;
}
