/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/apparmor/exec.h"

#include <string.h>

#include "proto/util.h"

#define UNSEEN UINT32_MAX
#define FILE_MAY (ARMOR_ALL | ARMOR_ALL << ARMOR_OTHER_SHIFT)
#define FILE_SAID (FILE_MAY | FILE_MAY << ARMOR_QUIET_SHIFT)

typedef enum ExecWay {
	EXEC_NEVER,
	EXEC_INHERIT,
	EXEC_ELSEWHERE, /* px, cx, ux, with a fallback or without */
} ExecWay;

static ExecWay exec_way(uint32_t accept, unsigned int shift)
{
	const uint32_t word = accept >> shift, mode = word >> ARMOR_EXEC_SHIFT;

	if (!(word & ARMOR_EXEC))
		return EXEC_NEVER;
	if (mode >> ARMOR_EXEC_TARGET_SHIFT & ARMOR_TARGET_MASK)
		return EXEC_ELSEWHERE;
	if (mode & ARMOR_EXEC_INHERIT)
		return EXEC_INHERIT;
	return mode & ARMOR_EXEC_UNCONFINED ? EXEC_ELSEWHERE : EXEC_NEVER;
}

static bool leads_elsewhere(const struct vk_dfa_state *s)
{
	return exec_way(s->accept, 0) == EXEC_ELSEWHERE ||
	       exec_way(s->accept, ARMOR_OTHER_SHIFT) == EXEC_ELSEWHERE;
}

/* The states that paths lead to, those of short ones first, and how. */
typedef struct Paths {
	const struct vk_dfa *dfa;
	uint32_t *states, n;
	uint32_t *before; /* UNSEEN: no path leads there */
	uint8_t *byte;
} Paths;

static void paths_done(Paths *p)
{
	free(p->states);
	free(p->before);
	free(p->byte);
}

static void visit(Paths *p, uint32_t state, uint32_t before, uint8_t byte)
{
	if (p->before[state] != UNSEEN)
		return;
	p->before[state] = before;
	p->byte[state] = byte;
	p->states[p->n++] = state;
}

/* What people would write comes first, beginning with a slash. */
static uint8_t nth_byte(uint32_t i)
{
	return (uint8_t)((i + '/' - 1) % 255 + 1);
}

static int paths_find(Paths *p)
{
	const size_t n = p->dfa->nr_states;

	p->states = calloc(n, sizeof(*p->states));
	p->before = malloc(n * sizeof(*p->before));
	p->byte = calloc(n, sizeof(*p->byte));
	if (!p->states || !p->before || !p->byte)
		return -ENOMEM;
	memset(p->before, 0xff, n * sizeof(*p->before));
	visit(p, p->dfa->start, p->dfa->start, 0);
	for (uint32_t i = 0; i < p->n; i++)
		for (uint32_t k = 0; k < 255; k++)
			visit(p, vk_dfa_next(p->dfa, p->states[i], nth_byte(k)), p->states[i],
			      nth_byte(k));
	return 0;
}

/* The shortest text that leads to the state. */
static Quoted path_to(const Paths *p, uint32_t state)
{
	char text[128];
	size_t at = sizeof(text);

	while (state != p->dfa->start && at > 0) {
		text[--at] = (char)p->byte[state];
		state = p->before[state];
	}
	return quoted(text + at, sizeof(text) - at);
}

static int check(const ArmorProfile *profile, bool inherit, const Paths *p, ProfileReport *report)
{
	for (uint32_t i = 0; i < p->n; i++) {
		Quoted path;

		if (!leads_elsewhere(&p->dfa->states[p->states[i]]))
			continue;
		path = path_to(p, p->states[i]);
		if (!inherit)
			return profile_fail(report, -EOPNOTSUPP,
					    "profile %s: the rule that matches %s executes under "
					    "another profile, but a container keeps its own; make "
					    "it ix, or have such rules taken as ix",
					    quoted(profile->name, strlen(profile->name)).text,
					    path.text);
		profile_warn(report,
			     "profile %s: rules that execute under another profile are taken as "
			     "ix, like that which matches %s",
			     quoted(profile->name, strlen(profile->name)).text, path.text);
		return 0;
	}
	return 0;
}

/* What the core reads: without the ways, and with the right to execute only where there is one. */
static uint32_t settled(uint32_t accept)
{
	uint32_t may = accept & FILE_MAY;

	if (exec_way(accept, 0) == EXEC_NEVER)
		may &= ~(uint32_t)ARMOR_EXEC;
	if (exec_way(accept, ARMOR_OTHER_SHIFT) == EXEC_NEVER)
		may &= ~((uint32_t)ARMOR_EXEC << ARMOR_OTHER_SHIFT);
	return may;
}

int exec_settle(const ArmorProfile *p, bool inherit, struct vk_dfa *dfa, ProfileReport *report)
{
	_cleanup_(paths_done) Paths paths = { .dfa = dfa };
	int r;

	r = paths_find(&paths);
	if (r == 0)
		r = check(p, inherit, &paths, report);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < dfa->nr_states; i++) {
		dfa->states[i].accept = settled(dfa->states[i].accept);
		dfa->states[i].accept2 &= FILE_SAID;
	}
	return 0;
}
