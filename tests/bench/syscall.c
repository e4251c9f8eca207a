// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * bench-syscall [--seccomp RULES]: what system calls cost, as JSON.
 *
 * RULES is one rule a line: "allow NAME", or "unless NAME ARGUMENT VALUE".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <seccomp.h>
#include <sys/syscall.h>

#include "measure.h"

struct system_call {
	long nr;
	long arg;
};

static int call(const void *arg)
{
	const struct system_call *c = arg;

	return syscall(c->nr, c->arg, 2, 3, 4, 5, 6) < 0 ? -errno : 0;
}

static const struct operation calls[] = {
	{ "allowed", call, &(const struct system_call){ SYS_getpid, 1 } },
	{ "args", call, &(const struct system_call){ SYS_getuid, 1 } },
	{ "args_denied", call, &(const struct system_call){ SYS_getuid, 77 } },
	{ "denied", call, &(const struct system_call){ SYS_getppid, 1 } },
};

static int add_rule(scmp_filter_ctx filter, const char *line)
{
	unsigned long long value;
	unsigned int arg;
	char name[64];
	int nr;

	if (sscanf(line, "allow %63s", name) == 1) {
		nr = seccomp_syscall_resolve_name(name);
		/* Names of other kernels and architectures are in every profile. */
		return nr == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(filter, SCMP_ACT_ALLOW, nr, 0);
	}
	if (sscanf(line, "unless %63s %u %llu", name, &arg, &value) != 3)
		return -EINVAL;
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, seccomp_syscall_resolve_name(name), 1,
				SCMP_CMP(arg, SCMP_CMP_NE, value));
}

static int confine(const char *rules)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	FILE *file = fopen(rules, "re");
	char line[128];
	int r = 0;

	if (!file || !filter)
		return -errno;
	/* A tree, as runc asks for. */
	r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	r = r ?: seccomp_arch_add(filter, SCMP_ARCH_X86) ?: seccomp_arch_add(filter, SCMP_ARCH_X32);
	while (r == 0 && fgets(line, sizeof(line), file))
		r = add_rule(filter, line);
	fclose(file);
	r = r ?: seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

int main(int argc, char **argv)
{
	size_t i;
	int r;

	if (argc == 3 && strcmp(argv[1], "--seccomp") == 0) {
		r = confine(argv[2]);
		if (r < 0) {
			fprintf(stderr, "bench-syscall: %s: %s\n", argv[2], strerror(-r));
			return 1;
		}
	} else if (argc != 1) {
		return 2;
	}
	printf("{");
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		measure(&calls[i], i == 0);
	printf("}\n");
	return 0;
}
