/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A profile as the oracle knows it, and what libseccomp makes of it without the product's help. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include <seccomp.h>

#include "tests/differential/bpf.h"

#define SPEC_NAMES 3
#define SPEC_CONDITIONS 8
#define SPEC_RULES 1024

typedef struct SpecRule {
	char names[SPEC_NAMES][48];
	unsigned int n_names, n_conditions;
	uint32_t action; /* SCMP_ACT_* */
	struct scmp_arg_cmp conditions[SPEC_CONDITIONS];
	const char *include; /* the condition that its JSON carries, or NULL */
	bool absent; /* which that condition drops */
} SpecRule;

typedef struct Spec {
	uint32_t default_action;
	bool i386;
	SpecRule rules[SPEC_RULES];
	size_t n;
} Spec;

/* What resolve.py prints. Exits on anything else. */
void spec_read(Spec *s, FILE *f);

enum { NATIVE, I386, N_ARCHES };

typedef struct Oracle {
	struct sock_filter *code;
	size_t n;
	int last[N_ARCHES]; /* numbers above get ENOSYS; INT_MAX for none */
} Oracle;

/* False if libseccomp refuses some rule. */
bool oracle_build(Oracle *o, const Spec *s);
void oracle_done(Oracle *o);

/* What seccomp would return: SECCOMP_RET_* and data. */
uint32_t oracle_verdict(const Oracle *o, int arch, uint32_t number, const uint64_t args[6]);

/* Of two filters, as the kernel stacks them; @a is the one that wins a draw. */
uint32_t more_restrictive(uint32_t a, uint32_t b);
