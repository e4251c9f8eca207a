/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/differential/random.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proto/util.h"

uint64_t random_next(Random *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * 0x2545f4914f6cdd1du;
}

uint32_t random_below(Random *r, uint32_t limit)
{
	return (uint32_t)((random_next(r) >> 32) % limit);
}

uint64_t random_value(Random *r)
{
	static const uint64_t edges[] = { 0,	       1,	    2,		 0x7fffffff,
					  0x80000000,  0xfffffffe,  0xffffffff,	 0x100000000,
					  0x100000001, 0x1ffffffff, 0x200000000, 0x7fffffffffffffff,
					  1ull << 63,  ~0ull - 1,   ~0ull,	 0xffffffff00000000,
					  0x7e020000,  0x20008,	    ~0ull << 31 };

	switch (random_below(r, 5)) {
	case 0:
		return random_below(r, 16);
	case 1:
		return (uint32_t)random_next(r);
	case 2:
		return random_next(r);
	default:
		return edges[random_below(r, ELEMENTSOF(edges))];
	}
}

static uint32_t random_action(Random *r)
{
	static const uint32_t actions[] = {
		SCMP_ACT_ALLOW, SCMP_ACT_ALLOW,	       SCMP_ACT_ALLOW,	     SCMP_ACT_LOG,
		SCMP_ACT_TRAP,	SCMP_ACT_KILL_PROCESS, SCMP_ACT_KILL_THREAD,
	};
	uint32_t number = random_below(r, 3) ? random_below(r, 60) : random_below(r, 4095);

	switch (random_below(r, 3)) {
	case 0:
		return SCMP_ACT_ERRNO(number);
	case 1:
		return random_below(r, 3) ? SCMP_ACT_ERRNO(1) : SCMP_ACT_TRACE(number);
	default:
		return actions[random_below(r, ELEMENTSOF(actions))];
	}
}

/* The ones that i386 also reaches through socketcall and ipc come often. */
static void random_name(Random *r, char name[48])
{
	static const char *const multiplexed[] = {
		"socket",   "accept",	  "accept4",	"bind",	  "connect",	"listen",
		"recv",	    "recvfrom",	  "recvmsg",	"send",	  "sendto",	"semop",
		"semget",   "semctl",	  "msgget",	"msgrcv", "msgsnd",	"msgctl",
		"shmat",    "shmdt",	  "shmget",	"shmctl", "semtimedop", "recvmmsg",
		"sendmmsg", "getsockopt", "socketcall", "ipc",
	};
	uint32_t arch = random_below(r, 3) ? SCMP_ARCH_X86_64 : SCMP_ARCH_X86;
	char *found;

	if (random_below(r, 4) == 0) {
		strcpy(name, multiplexed[random_below(r, ELEMENTSOF(multiplexed))]);
		return;
	}
	found = seccomp_syscall_resolve_num_arch(arch, (int)random_below(r, 470));
	snprintf(name, 48, "%s", found ? found : "no_such_call");
	free(found);
}

static void random_conditions(Random *r, SpecRule *rule)
{
	bool repeat = random_below(r, 6) == 0;
	unsigned int first = random_below(r, 6);

	rule->n_conditions = random_below(r, 7) ? 1 + random_below(r, 3) : 0;
	for (unsigned int i = 0; i < rule->n_conditions; i++) {
		struct scmp_arg_cmp *c = &rule->conditions[i];

		c->arg = repeat ? random_below(r, 3) : (first + i) % 6;
		c->op = (enum scmp_compare)(SCMP_CMP_NE +
					    random_below(r, SCMP_CMP_MASKED_EQ - SCMP_CMP_NE + 1));
		c->datum_a = random_value(r);
		c->datum_b = random_value(r);
		/* The highest words in a few only: they send libseccomp 2.5 round for ever. */
		if (c->datum_a >> 32 == UINT32_MAX && random_below(r, 16))
			c->datum_a >>= 1;
		/* A datum outside its mask never matches; that is a test, but not the usual one. */
		if (random_below(r, 8))
			c->datum_b &= c->datum_a;
	}
}

static void random_include(Random *r, SpecRule *rule)
{
	static const struct {
		const char *json;
		bool absent;
	} includes[] = {
		{ "\"includes\":{\"arches\":[\"arm64\",\"amd64\"]}", false },
		{ "\"includes\":{\"arches\":[\"arm64\",\"s390x\"]}", true },
		{ "\"excludes\":{\"arches\":[\"amd64\"]}", true },
		{ "\"includes\":{\"caps\":[\"CAP_CHOWN\"]}", false },
		{ "\"includes\":{\"caps\":[\"CAP_CHOWN\",\"CAP_BPF\"]}", true },
		{ "\"excludes\":{\"caps\":[\"CAP_BPF\",\"CAP_CHOWN\"]}", true },
		{ "\"excludes\":{\"caps\":[\"CAP_BPF\"]},\"includes\":{}", false },
		{ "\"includes\":{\"minKernel\":\"6.1\"}", false },
		{ "\"includes\":{\"minKernel\":\"6.2\"}", true },
		{ "\"excludes\":{\"minKernel\":\"4.19\"}", true },
	};
	uint32_t i = random_below(r, 4 * ELEMENTSOF(includes));

	rule->include = NULL;
	rule->absent = false;
	if (i >= ELEMENTSOF(includes))
		return;
	rule->include = includes[i].json;
	rule->absent = includes[i].absent;
}

static void random_rule(Random *r, SpecRule *rule, char focus[2][48])
{
	memset(rule, 0, sizeof(*rule));
	rule->action = random_action(r);
	rule->n_names = random_below(r, 4) ? 1 : 1 + random_below(r, SPEC_NAMES);
	for (unsigned int i = 0; i < rule->n_names; i++)
		if (random_below(r, 3))
			strcpy(rule->names[i], focus[random_below(r, 2)]);
		else
			random_name(r, rule->names[i]);
	random_conditions(r, rule);
	random_include(r, rule);
}

void spec_random(Spec *s, Random *r)
{
	char focus[2][48];

	random_name(r, focus[0]);
	random_name(r, focus[1]);
	s->default_action = random_action(r);
	s->i386 = random_below(r, 4) != 0;
	s->n = 1 + random_below(r, 14);
	for (size_t i = 0; i < s->n; i++)
		random_rule(r, &s->rules[i], focus);
}

static void write_action(uint32_t action, const char *name_key, const char *number_key, FILE *f)
{
	static const struct {
		uint32_t action;
		const char *name;
	} names[] = {
		{ SCMP_ACT_ALLOW, "ALLOW" },
		{ SCMP_ACT_LOG, "LOG" },
		{ SCMP_ACT_TRACE(0), "TRACE" },
		{ SCMP_ACT_ERRNO(0), "ERRNO" },
		{ SCMP_ACT_TRAP, "TRAP" },
		{ SCMP_ACT_KILL_THREAD, "KILL" },
		{ SCMP_ACT_KILL_PROCESS, "KILL_PROCESS" },
	};
	uint32_t kind = action & SECCOMP_RET_ACTION_FULL;

	for (size_t i = 0; i < ELEMENTSOF(names); i++)
		if (names[i].action == kind)
			fprintf(f, "\"%s\":\"SCMP_ACT_%s\"", name_key, names[i].name);
	if (kind == SCMP_ACT_ERRNO(0) || kind == SCMP_ACT_TRACE(0))
		fprintf(f, ",\"%s\":%u", number_key, action & SECCOMP_RET_DATA);
}

static void write_conditions(const SpecRule *rule, FILE *f)
{
	static const char *const operators[] = {
		"", "NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"
	};

	fputs(",\"args\":[", f);
	for (unsigned int i = 0; i < rule->n_conditions; i++) {
		const struct scmp_arg_cmp *c = &rule->conditions[i];

		fprintf(f,
			"%s{\"index\":%u,\"value\":%" PRIu64 ",\"valueTwo\":%" PRIu64
			",\"op\":\"SCMP_CMP_%s\"}",
			i ? "," : "", c->arg, c->datum_a, c->datum_b, operators[c->op]);
	}
	fputs("]", f);
}

static void write_rule(const SpecRule *rule, bool docker, FILE *f)
{
	fputs("{", f);
	write_action(rule->action, "action", "errnoRet", f);
	if (docker && rule->n_names == 1) {
		fprintf(f, ",\"name\":\"%s\"", rule->names[0]);
	} else {
		fputs(",\"names\":[", f);
		for (unsigned int i = 0; i < rule->n_names; i++)
			fprintf(f, "%s\"%s\"", i ? "," : "", rule->names[i]);
		fputs("]", f);
	}
	if (rule->n_conditions)
		write_conditions(rule, f);
	if (rule->include)
		fprintf(f, ",%s", rule->include);
	fputs("}", f);
}

void spec_write(const Spec *s, Random *r, FILE *f)
{
	bool docker = random_below(r, 2);

	fputs("{", f);
	write_action(s->default_action, "defaultAction", "defaultErrnoRet", f);
	if (docker)
		fprintf(f,
			",\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86_64\","
			"\"subArchitectures\":[%s]}]",
			s->i386 ? "\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"" : "");
	else
		fprintf(f, ",\"architectures\":[\"SCMP_ARCH_AARCH64\"%s]",
			s->i386 ? ",\"SCMP_ARCH_X86\"" : "");
	fputs(",\"syscalls\":[", f);
	for (size_t i = 0; i < s->n; i++) {
		fputs(i ? "," : "", f);
		write_rule(&s->rules[i], docker, f);
	}
	fputs("]}", f);
}
