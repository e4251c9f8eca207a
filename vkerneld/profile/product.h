/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two automata as one: a single walk of a path answers for both. */
#pragma once

#include <stdint.h>

#include <vkernel/dfa.h>

/* What is accepted where the one is in a state and the other in another. */
typedef struct Accepted {
	uint32_t accept, accept2;
} Accepted;

typedef Accepted (*ProductAccept)(const struct vk_dfa_state *a, const struct vk_dfa_state *b);

/* More would keep whoever waits for them too long. */
#define PRODUCT_MAX_STATES 16384

/*
 * Walks both at once. Where either does not match, neither does. Returns 0, -ENOMEM, or -E2BIG for
 * more than PRODUCT_MAX_STATES or VK_DFA_MAX_EDGES.
 */
int dfa_product(const struct vk_dfa *a, const struct vk_dfa *b, ProductAccept accept,
		struct vk_dfa **ret);
