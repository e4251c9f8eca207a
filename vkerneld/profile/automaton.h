/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Automata under construction: a full row of successors for each state, from which the comb of
 * struct vk_dfa is packed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <vkernel/dfa.h>

/* VK_DFA_NOMATCH is there from the beginning. */
typedef struct Automaton {
	uint8_t classes[256];
	uint32_t n_classes, n_states, start;
	uint32_t *accept, *accept2; /* by state */
	uint32_t *next; /* by state and class */
	uint32_t room; /* states that there is memory for */
} Automaton;

/* classes: of each byte, all below n_classes. Zero it first; automaton_done() frees. */
int automaton_begin(Automaton *a, const uint8_t classes[256], uint32_t n_classes);
void automaton_done(Automaton *a);
#define _cleanup_automaton_ __attribute__((cleanup(automaton_done)))

/* A state that all bytes lead from to VK_DFA_NOMATCH; -E2BIG over VK_DFA_MAX_STATES. */
int automaton_add(Automaton *a, uint32_t accept, uint32_t accept2, uint32_t *ret);

static inline uint32_t *automaton_row(const Automaton *a, uint32_t state)
{
	return a->next + (size_t)state * a->n_classes;
}

/*
 * Of states that no text tells apart, one stays; all do where finding them would take too long.
 * -ENOMEM, and then it is as it was.
 */
int automaton_minimise(Automaton *a);

/*
 * One heap object, valid by vk_dfa_valid(); -E2BIG over VK_DFA_MAX_EDGES. Classes may be fewer
 * then, also in the automaton.
 */
int automaton_pack(Automaton *a, struct vk_dfa **ret);
