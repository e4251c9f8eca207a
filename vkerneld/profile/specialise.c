/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Partial evaluation: with the architecture and the number known, most of a program falls away.
 * What stays compares words of the arguments. Jumps only lead forward, so one pass over the code
 * finds what can be reached, and one pass back builds what it decides.
 */
#include "vkerneld/profile/specialise.h"

#include <stdbool.h>
#include <string.h>

#include <linux/audit.h>
#include <linux/seccomp.h>

#include "proto/util.h"

#define NONE UINT32_MAX
/* The last number without the x32 bit, which the core looks at itself. */
#define NUMBER_MAX 0x3fffffffu
#define STATES_MAX (1u << 20)

/* What is known of the accumulator. */
typedef struct Value {
	enum {
		VALUE_CONSTANT, /* bits */
		VALUE_BEYOND, /* some number from VK_CALL_BEYOND to NUMBER_MAX */
		VALUE_ARG, /* a word of an argument, cut by bits */
	} kind;
	uint8_t arg, shift;
	uint32_t bits;
} Value;

typedef struct State {
	Value a;
	uint32_t sibling; /* another state at the same instruction */
	uint32_t yes, no; /* states that follow; both the same unless an argument decides */
	Entry entry;
} State;

typedef struct Specialiser {
	const Filter *filter;
	Graph *g;
	uint32_t arch, number;
	State *states;
	uint32_t n_states, allocated;
	uint32_t *first; /* state of each instruction */
} Specialiser;

static void specialiser_done(Specialiser *s)
{
	free(s->states);
	free(s->first);
}

static bool same_value(const Value *a, const Value *b)
{
	return a->kind == b->kind && a->arg == b->arg && a->shift == b->shift && a->bits == b->bits;
}

static int reserve_state(Specialiser *s)
{
	uint32_t wanted = s->allocated ? 2 * s->allocated : 256;
	State *grown;

	if (s->n_states < s->allocated)
		return 0;
	if (wanted > STATES_MAX)
		return -E2BIG;
	grown = realloc(s->states, wanted * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	s->states = grown;
	s->allocated = wanted;
	return 0;
}

/* The state of @a at the instruction @pc, made if it is not there. */
static int reach(Specialiser *s, size_t pc, const Value *a, uint32_t *ret)
{
	uint32_t i;
	int r;

	if (pc >= s->filter->n)
		return -EINVAL;
	for (i = s->first[pc]; i != NONE; i = s->states[i].sibling)
		if (same_value(&s->states[i].a, a))
			break;
	if (i == NONE) {
		r = reserve_state(s);
		if (r < 0)
			return r;
		i = s->n_states++;
		s->states[i] = (State){ .a = *a, .sibling = s->first[pc] };
		s->first[pc] = i;
	}
	*ret = i;
	return 0;
}

static int load(const Specialiser *s, uint32_t offset, Value *a)
{
	const uint32_t args = offsetof(struct seccomp_data, args);
	uint32_t word = (offset - args) / 4;

	*a = (Value){};
	if (offset == offsetof(struct seccomp_data, nr)) {
		a->kind = s->number == VK_CALL_BEYOND ? VALUE_BEYOND : VALUE_CONSTANT;
		a->bits = s->number;
	} else if (offset == offsetof(struct seccomp_data, arch)) {
		a->bits = s->arch;
	} else if (offset < args || offset % 4 || word >= 12) {
		return -EINVAL;
	} else if (word % 2 == 0 || s->arch == AUDIT_ARCH_X86_64) {
		*a = (Value){ VALUE_ARG, (uint8_t)(word / 2), word % 2 ? 32 : 0, UINT32_MAX };
	}
	return 0;
}

static int and_constant(Value *a, uint32_t k)
{
	if (a->kind == VALUE_BEYOND)
		return -EINVAL;
	a->bits &= k;
	if (!a->bits)
		*a = (Value){};
	return 0;
}

static int compare_constant(uint32_t a, const struct sock_filter *insn)
{
	switch (BPF_OP(insn->code)) {
	case BPF_JEQ:
		return a == insn->k;
	case BPF_JGT:
		return a > insn->k;
	case BPF_JGE:
		return a >= insn->k;
	default:
		return (a & insn->k) != 0;
	}
}

/* All numbers beyond must fare alike, or the program knows more calls than the table does. */
static int compare_beyond(const struct sock_filter *insn)
{
	int least = compare_constant(VK_CALL_BEYOND, insn);
	int greatest = compare_constant(NUMBER_MAX, insn);
	bool inside = insn->k >= VK_CALL_BEYOND && insn->k <= NUMBER_MAX;

	switch (BPF_OP(insn->code)) {
	case BPF_JEQ:
		return inside ? -EINVAL : 0;
	case BPF_JSET:
		return insn->k & NUMBER_MAX ? -EINVAL : 0;
	default:
		return least == greatest ? least : -EINVAL;
	}
}

/* Where the conditional jump of @a leads: 1, 0, or -EAGAIN if the argument decides. */
static int decide(const Value *a, const struct sock_filter *insn)
{
	switch (a->kind) {
	case VALUE_CONSTANT:
		return compare_constant(a->bits, insn);
	case VALUE_BEYOND:
		return compare_beyond(insn);
	default:
		return -EAGAIN;
	}
}

static int step_jump(Specialiser *s, size_t pc, uint32_t state)
{
	const struct sock_filter *insn = &s->filter->code[pc];
	const Value a = s->states[state].a;
	uint32_t yes, no;
	int r, taken = decide(&a, insn);

	if (taken < 0 && taken != -EAGAIN)
		return taken;
	if (taken != 0) {
		r = reach(s, pc + 1 + insn->jt, &a, &yes);
		if (r < 0)
			return r;
	}
	if (taken != 1) {
		r = reach(s, pc + 1 + insn->jf, &a, &no);
		if (r < 0)
			return r;
	}
	s->states[state].yes = taken == 0 ? no : yes;
	s->states[state].no = taken == 1 ? yes : no;
	return 0;
}

static int step_on(Specialiser *s, size_t pc, uint32_t state, const Value *a)
{
	uint32_t next;
	int r = reach(s, pc, a, &next);

	if (r < 0)
		return r;
	s->states[state].yes = s->states[state].no = next;
	return 0;
}

static int step(Specialiser *s, size_t pc, uint32_t state)
{
	const struct sock_filter *insn = &s->filter->code[pc];
	Value a = s->states[state].a;
	int r;

	switch (insn->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		r = load(s, insn->k, &a);
		return r < 0 ? r : step_on(s, pc + 1, state, &a);
	case BPF_ALU | BPF_AND | BPF_K:
		r = and_constant(&a, insn->k);
		return r < 0 ? r : step_on(s, pc + 1, state, &a);
	case BPF_JMP | BPF_JA:
		return step_on(s, pc + 1 + (size_t)insn->k, state, &a);
	case BPF_JMP | BPF_JEQ | BPF_K:
	case BPF_JMP | BPF_JGT | BPF_K:
	case BPF_JMP | BPF_JGE | BPF_K:
	case BPF_JMP | BPF_JSET | BPF_K:
		return step_jump(s, pc, state);
	case BPF_RET | BPF_K:
		return 0;
	}
	return -EINVAL;
}

static int verdict_of(uint32_t ret, Entry *entry)
{
	uint32_t data = ret & SECCOMP_RET_DATA;

	switch (ret & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
		*entry = VK_VERDICT(VK_ALLOW, 0);
		return 0;
	case SECCOMP_RET_LOG:
		*entry = VK_VERDICT(VK_LOG, 0);
		return 0;
	case SECCOMP_RET_TRACE:
		*entry = VK_VERDICT(VK_TRACE, data);
		return 0;
	case SECCOMP_RET_ERRNO:
		*entry = VK_VERDICT(VK_ERRNO, data);
		return 0;
	case SECCOMP_RET_TRAP:
		*entry = VK_VERDICT(VK_TRAP, data);
		return 0;
	case SECCOMP_RET_KILL_THREAD:
		*entry = VK_VERDICT(VK_KILL_THREAD, 0);
		return 0;
	case SECCOMP_RET_KILL_PROCESS:
		*entry = VK_VERDICT(VK_KILL_PROCESS, 0);
		return 0;
	}
	return -EINVAL;
}

static Node node_of(const Value *a, const struct sock_filter *insn, Entry yes, Entry no)
{
	Node n = {
		.mask = (uint64_t)a->bits << a->shift,
		.value = (uint64_t)insn->k << a->shift,
		.arg = a->arg,
		.yes = yes,
		.no = no,
	};

	switch (BPF_OP(insn->code)) {
	case BPF_JEQ:
		n.op = VK_OP_EQ;
		break;
	case BPF_JGT:
		n.op = VK_OP_GT;
		break;
	case BPF_JGE:
		n.op = VK_OP_GE;
		break;
	default: /* JSET: any of the bits, so not none of them */
		n.op = VK_OP_EQ;
		n.mask &= n.value;
		n.value = 0;
		n.yes = no;
		n.no = yes;
	}
	return n;
}

static int build(Specialiser *s, size_t pc, State *state)
{
	const struct sock_filter *insn = &s->filter->code[pc];
	Entry yes, no;

	if (BPF_CLASS(insn->code) == BPF_RET)
		return verdict_of(insn->k, &state->entry);
	yes = s->states[state->yes].entry;
	no = s->states[state->no].entry;
	state->entry = yes;
	if (state->yes != state->no)
		state->entry = graph_make(s->g, node_of(&state->a, insn, yes, no));
	return graph_error(s->g);
}

static int specialise_call(Specialiser *s, Entry *ret)
{
	size_t pc;
	uint32_t i, start;
	int r;

	s->n_states = 0;
	memset(s->first, 0xff, s->filter->n * sizeof(*s->first));
	r = reach(s, 0, &(Value){}, &start);
	if (r < 0)
		return r;
	for (pc = 0; pc < s->filter->n; pc++)
		for (i = s->first[pc]; i != NONE; i = s->states[i].sibling) {
			r = step(s, pc, i);
			if (r < 0)
				return r;
		}
	while (pc-- > 0)
		for (i = s->first[pc]; i != NONE; i = s->states[i].sibling) {
			r = build(s, pc, &s->states[i]);
			if (r < 0)
				return r;
		}
	*ret = s->states[start].entry;
	return 0;
}

static int explain(int error, const Specialiser *s, ProfileReport *report)
{
	const char *arch = s->arch == AUDIT_ARCH_I386 ? "i386" : "x86-64";

	if (error == -E2BIG)
		return profile_fail(report, error,
				    "too many comparisons on the arguments of call %u (%s)",
				    s->number, arch);
	if (error == -EINVAL)
		return profile_fail(report, error,
				    "libseccomp's program for call %u (%s) is of an unknown kind",
				    s->number, arch);
	return error;
}

int specialise(const Filter *filter, Graph *g, EntryTable table, ProfileReport *report)
{
	static const uint32_t arches[VK_NR_TABLES] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386 };
	_cleanup_(specialiser_done) Specialiser s = { .filter = filter, .g = g };
	int r;

	s.first = malloc((filter->n ? filter->n : 1) * sizeof(*s.first));
	if (!s.first)
		return -ENOMEM;
	for (uint32_t t = 0; t < VK_NR_TABLES; t++)
		for (uint32_t number = 0; number <= VK_CALL_BEYOND; number++) {
			s.arch = arches[t];
			s.number = number;
			r = specialise_call(&s, &table[t][number]);
			if (r < 0)
				return explain(r, &s, report);
		}
	return 0;
}
