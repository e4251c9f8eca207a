/* SPDX-License-Identifier: GPL-2.0 OR LGPL-2.1-or-later */
/*
 * A deterministic automaton over bytes: what the patterns of an AppArmor profile become. One flat
 * object without pointers, so that a policy can carry it; pure functions, compiled into the core
 * and into user space.
 *
 * Transitions are a comb: a state's row lies in the one array of edges at its base, between the
 * rows of others, and an edge says whose it is. A byte that has no edge takes the default.
 */
#ifndef _VKERNEL_DFA_H
#define _VKERNEL_DFA_H

#include <linux/types.h>

#define VK_DFA_NOMATCH 0 /* the state that is never left and accepts nothing */

#define VK_DFA_MAX_STATES (1u << 16)
#define VK_DFA_MAX_EDGES (1u << 24)

/* In a state's base: only a NUL leads out of it, so the rest of a path needs no look. */
#define VK_DFA_SETTLED 0x80000000u
#define VK_DFA_BASE(base) ((base) & ~VK_DFA_SETTLED)

struct vk_dfa_state {
	__u32 base; /* of its edges; VK_DFA_SETTLED */
	__u32 otherwise; /* state, for a byte without an edge */
	__u32 accept; /* what is permitted here, as the profile's compiler words it */
	__u32 accept2; /* what of it is audited, and what refused without a word */
};

struct vk_dfa_edge {
	__u16 next;
	__u16 owner; /* state whose edge it is */
};

struct vk_dfa {
	__u32 nr_states;
	__u32 nr_edges;
	__u32 start;
	__u32 pad; /* zero */
	__u8 classes[256]; /* bytes that fare alike everywhere share a class */
	struct vk_dfa_state states[]; /* and the edges behind them */
};

/* Of all its bytes, and as many zeros behind them as make it a multiple of 8. */
static inline __u64 vk_dfa_size(const struct vk_dfa *dfa)
{
	return (sizeof(*dfa) + (__u64)dfa->nr_states * sizeof(struct vk_dfa_state) +
		(__u64)dfa->nr_edges * sizeof(struct vk_dfa_edge) + 7) & ~7ull;
}

static inline const struct vk_dfa_edge *vk_dfa_edges(const struct vk_dfa *dfa)
{
	return (const struct vk_dfa_edge *)(dfa->states + dfa->nr_states);
}

/* The state behind @state. This and the next two: only for what vk_dfa_valid() accepted. */
static inline __u32 vk_dfa_next(const struct vk_dfa *dfa, __u32 state, __u8 byte)
{
	const struct vk_dfa_state *s = &dfa->states[state];
	const struct vk_dfa_edge *e = &vk_dfa_edges(dfa)[VK_DFA_BASE(s->base) + dfa->classes[byte]];

	return e->owner == state ? e->next : s->otherwise;
}

static inline int vk_dfa_settled(const struct vk_dfa *dfa, __u32 state)
{
	return !!(dfa->states[state].base & VK_DFA_SETTLED);
}

/* One byte on, unless nothing but a NUL matters any more: false then. */
static inline int vk_dfa_step(const struct vk_dfa *dfa, __u32 *state, __u8 byte)
{
	const __u32 base = dfa->states[*state].base;
	const struct vk_dfa_edge *e;

	if (base & VK_DFA_SETTLED)
		return 0;
	e = &vk_dfa_edges(dfa)[base + dfa->classes[byte]];
	*state = e->owner == *state ? e->next : dfa->states[*state].otherwise;
	return 1;
}

/* The same for a text that ends with a NUL. */
static inline int vk_dfa_run(const struct vk_dfa *dfa, __u32 *state, const __u8 *text)
{
	const struct vk_dfa_edge *edges = vk_dfa_edges(dfa), *e;
	__u32 s = *state, base;

	for (; *text; text++) {
		base = dfa->states[s].base;
		if (base & VK_DFA_SETTLED)
			break;
		e = &edges[base + dfa->classes[*text]];
		s = e->owner == s ? e->next : dfa->states[s].otherwise;
	}
	*state = s;
	return !*text;
}

/* The state behind all @size bytes, NULs among them. */
static inline __u32 vk_dfa_match(const struct vk_dfa *dfa, __u32 state, const void *bytes,
				 __u32 size)
{
	const __u8 *b = bytes, *end = b + size;

	while (b < end && state != VK_DFA_NOMATCH)
		state = vk_dfa_next(dfa, state, *b++);
	return state;
}

/* Whether every byte from @first on leads back to @state. */
static inline int vk_dfa_stays(const struct vk_dfa *dfa, __u32 state, __u32 first)
{
	__u32 byte;

	for (byte = first; byte < 256; byte++)
		if (vk_dfa_next(dfa, state, (__u8)byte) != state)
			return 0;
	return 1;
}

static inline int vk_dfa_ranges_valid(const struct vk_dfa *dfa)
{
	const struct vk_dfa_edge *edges = vk_dfa_edges(dfa);
	__u32 i, row = 0;

	for (i = 0; i < 256; i++)
		if (row < dfa->classes[i])
			row = dfa->classes[i];
	for (i = 0; i < dfa->nr_states; i++)
		if (dfa->states[i].otherwise >= dfa->nr_states ||
		    (__u64)VK_DFA_BASE(dfa->states[i].base) + row >= dfa->nr_edges)
			return 0;
	for (i = 0; i < dfa->nr_edges; i++)
		if (edges[i].next >= dfa->nr_states || edges[i].owner >= dfa->nr_states)
			return 0;
	return 1;
}

/*
 * Whether what lies in @size bytes is an automaton that can be walked from every state over every
 * byte without a look at any bound, and that says the truth about where it settles.
 */
static inline int vk_dfa_valid(const struct vk_dfa *dfa, __u64 size)
{
	__u32 i;

	if (size < sizeof(*dfa) || dfa->nr_states < 1 || dfa->nr_states > VK_DFA_MAX_STATES ||
	    dfa->nr_edges < 1 || dfa->nr_edges > VK_DFA_MAX_EDGES || size != vk_dfa_size(dfa) ||
	    dfa->start >= dfa->nr_states || dfa->pad)
		return 0;
	if (!vk_dfa_ranges_valid(dfa))
		return 0;
	if (dfa->states[VK_DFA_NOMATCH].accept || dfa->states[VK_DFA_NOMATCH].accept2 ||
	    !vk_dfa_stays(dfa, VK_DFA_NOMATCH, 0))
		return 0;
	for (i = 0; i < dfa->nr_states; i++)
		if (vk_dfa_settled(dfa, i) && !vk_dfa_stays(dfa, i, 1))
			return 0;
	return 1;
}

#endif
