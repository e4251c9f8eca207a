/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/differential/compare.h"

#include <inttypes.h>
#include <string.h>

#include <vkernel/verdict.h>

#include "proto/util.h"

#define NUMBERS 600
#define VALUES_MAX 256
#define VECTORS 96 /* of a call that a profile names, besides the systematic ones */

typedef struct Values {
	uint64_t list[6][VALUES_MAX];
	unsigned int n[6];
} Values;

typedef struct Comparison {
	const Policy *p;
	const Side *sides;
	size_t n;
	Random *r;
	uint64_t *checks;
	bool quiet;
	Values values;
	bool named[N_ARCHES][NUMBERS];
} Comparison;

static void add_value(Values *v, unsigned int arg, uint64_t value)
{
	for (unsigned int i = 0; i < v->n[arg]; i++)
		if (v->list[arg][i] == value)
			return;
	if (v->n[arg] < VALUES_MAX)
		v->list[arg][v->n[arg]++] = value;
}

/* Its neighbours, and its low word under other high words. */
static void add_around(Values *v, unsigned int arg, uint64_t value)
{
	const uint64_t high = 0xffffffff00000000, low = 0xffffffff;

	for (int i = -1; i <= 1; i++) {
		uint64_t near = value + (uint64_t)i;

		add_value(v, arg, near);
		add_value(v, arg, near & low);
		add_value(v, arg, (near & low) | 1ull << 32);
		add_value(v, arg, near | high);
		add_value(v, arg, (near & low) | ((value + (1ull << 32)) & high));
		add_value(v, arg, (near & low) | ((value - (1ull << 32)) & high));
	}
}

static void add_masked(Values *v, unsigned int arg, uint64_t mask, uint64_t datum)
{
	add_value(v, arg, mask);
	add_value(v, arg, ~mask);
	add_value(v, arg, datum);
	add_value(v, arg, datum | ~mask);
	add_value(v, arg, datum ^ (mask & -mask));
	add_value(v, arg, (datum & mask) ^ mask);
	add_value(v, arg, datum & 0xffffffff);
	add_value(v, arg, (datum & 0xffffffff) | 0xffffffff00000000);
}

static void collect_rule(Comparison *c, const SpecRule *rule)
{
	static const uint32_t arches[N_ARCHES] = { SCMP_ARCH_X86_64, SCMP_ARCH_X86 };

	for (unsigned int i = 0; i < rule->n_conditions; i++) {
		const struct scmp_arg_cmp *k = &rule->conditions[i];

		if (k->op == SCMP_CMP_MASKED_EQ)
			add_masked(&c->values, k->arg, k->datum_a, k->datum_b);
		else
			add_around(&c->values, k->arg, k->datum_a);
	}
	for (unsigned int i = 0; i < rule->n_names; i++)
		for (int a = 0; a < N_ARCHES; a++) {
			int number = seccomp_syscall_resolve_name_arch(arches[a], rule->names[i]);

			if (number >= 0 && number < NUMBERS)
				c->named[a][number] = true;
		}
}

static void collect(Comparison *c)
{
	for (unsigned int arg = 0; arg < 6; arg++) {
		add_value(&c->values, arg, 0);
		add_value(&c->values, arg, ~0ull);
	}
	/* socketcall and ipc of i386: what they multiplex */
	c->named[I386][102] = c->named[I386][117] = true;
	for (uint64_t i = 1; i < 26; i++)
		add_value(&c->values, 0, i);
	for (size_t s = 0; s < c->n; s++)
		for (size_t i = 0; i < c->sides[s].spec->n; i++)
			collect_rule(c, &c->sides[s].spec->rules[i]);
}

static uint64_t pick(Comparison *c, unsigned int arg)
{
	if (random_below(c->r, 4) == 0)
		return random_value(c->r);
	return c->values.list[arg][random_below(c->r, c->values.n[arg])];
}

static uint64_t satisfying(Random *r, const struct scmp_arg_cmp *k)
{
	switch (k->op) {
	case SCMP_CMP_NE:
	case SCMP_CMP_GT:
		return k->datum_a + 1;
	case SCMP_CMP_LT:
		return k->datum_a - 1;
	case SCMP_CMP_MASKED_EQ:
		return k->datum_b | (random_value(r) & ~k->datum_a);
	default:
		return k->datum_a;
	}
}

/* Half of them meet a rule, so that rules with several conditions are met at all. */
static void pick_args(Comparison *c, uint64_t args[6])
{
	const Spec *spec = c->sides[random_below(c->r, (uint32_t)c->n)].spec;
	const SpecRule *rule;

	for (unsigned int arg = 0; arg < 6; arg++)
		args[arg] = pick(c, arg);
	if (!spec->n || random_below(c->r, 2))
		return;
	rule = &spec->rules[random_below(c->r, (uint32_t)spec->n)];
	for (unsigned int i = 0; i < rule->n_conditions; i++)
		args[rule->conditions[i].arg] = satisfying(c->r, &rule->conditions[i]);
}

static uint32_t as_seccomp(uint32_t verdict)
{
	static const uint32_t actions[VK_NR_ACTIONS] = {
		[VK_ALLOW] = SECCOMP_RET_ALLOW,
		[VK_LOG] = SECCOMP_RET_LOG,
		[VK_TRACE] = SECCOMP_RET_TRACE,
		[VK_ERRNO] = SECCOMP_RET_ERRNO,
		[VK_TRAP] = SECCOMP_RET_TRAP,
		[VK_KILL_THREAD] = SECCOMP_RET_KILL_THREAD,
		[VK_KILL_PROCESS] = SECCOMP_RET_KILL_PROCESS,
	};

	return actions[VK_VERDICT_ACTION(verdict)] | VK_VERDICT_DATA(verdict);
}

static uint32_t expected(const Comparison *c, int arch, uint32_t number, const uint64_t args[6])
{
	uint32_t verdict = oracle_verdict(c->sides[0].oracle, arch, number, args);

	for (size_t s = 1; s < c->n; s++)
		verdict = more_restrictive(verdict,
					   oracle_verdict(c->sides[s].oracle, arch, number, args));
	return verdict;
}

static bool agree_on(Comparison *c, int arch, uint32_t number, const uint64_t args[6])
{
	uint32_t column = number < VK_NR_CALLS ? number : VK_CALL_BEYOND;
	const __u64 *words = (const __u64 *)args;
	uint32_t got = as_seccomp(vk_verdict(c->p, c->p->table[arch][column], words));
	uint32_t want = expected(c, arch, number, args);

	++*c->checks;
	if (got == want)
		return true;
	if (!c->quiet)
		printf("%s call %u (%#" PRIx64 ", %#" PRIx64 ", %#" PRIx64 ", %#" PRIx64
		       ", %#" PRIx64 ", %#" PRIx64 "): policy %#x, seccomp %#x\n",
		       arch == I386 ? "i386" : "x86-64", number, args[0], args[1], args[2], args[3],
		       args[4], args[5], got, want);
	return false;
}

static bool agree_each_value(Comparison *c, int arch, uint32_t number)
{
	uint64_t base[6], args[6];

	pick_args(c, base);
	for (unsigned int arg = 0; arg < 6; arg++)
		for (unsigned int i = 0; i < c->values.n[arg]; i++) {
			memcpy(args, base, sizeof(args));
			args[arg] = c->values.list[arg][i];
			if (!agree_on(c, arch, number, args))
				return false;
		}
	return true;
}

static bool agree_on_call(Comparison *c, int arch, uint32_t number)
{
	bool named = number < NUMBERS && c->named[arch][number];
	uint64_t args[6];

	for (int i = 0; i < (named ? VECTORS : 2); i++) {
		pick_args(c, args);
		if (!agree_on(c, arch, number, args))
			return false;
	}
	return !named || agree_each_value(c, arch, number);
}

bool policy_agrees(const Policy *p, const Side *sides, size_t n, Random *r, uint64_t *checks,
		   bool quiet)
{
	static const uint32_t huge[] = { 1000, 4096, 65535, 0x20000000, 0x3ffffffe, 0x3fffffff };
	Comparison c = { .p = p, .sides = sides, .n = n, .r = r, .checks = checks, .quiet = quiet };

	collect(&c);
	for (int a = 0; a < N_ARCHES; a++) {
		for (uint32_t number = 0; number < NUMBERS; number++)
			if (!agree_on_call(&c, a, number))
				return false;
		for (size_t i = 0; i < ELEMENTSOF(huge); i++)
			if (!agree_on_call(&c, a, huge[i]))
				return false;
	}
	return true;
}
