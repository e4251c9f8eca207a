// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * bench-syscall [--seccomp RULES]: what system calls cost, as JSON.
 *
 * Under qemu -icount shift=0 the time stamp counter advances by one an instruction. The least of
 * many batches leaves out interrupts, which hit some batches and not all.
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
#include <x86intrin.h>

#define BATCHES 200
#define CALLS 100

static const struct measured {
	const char *name;
	long nr;
	long arg;
} measured[] = {
	{ "allowed", SYS_getpid, 1 },
	{ "args", SYS_getuid, 1 },
	{ "args_denied", SYS_getuid, 77 },
	{ "denied", SYS_getppid, 1 },
};

static unsigned long long batch(long nr, long arg)
{
	unsigned long long began = __rdtsc();
	int i;

	for (i = 0; i < CALLS; i++)
		syscall(nr, arg, 2, 3, 4, 5, 6);
	return __rdtsc() - began;
}

static double cost(long nr, long arg)
{
	unsigned long long least = batch(nr, arg);
	int i;

	for (i = 1; i < BATCHES; i++) {
		unsigned long long took = batch(nr, arg);

		if (took < least)
			least = took;
	}
	return (double)least / CALLS;
}

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
	for (i = 0; i < sizeof(measured) / sizeof(measured[0]); i++) {
		const struct measured *m = &measured[i];
		int error = syscall(m->nr, m->arg, 2, 3, 4, 5, 6) < 0 ? errno : 0;

		printf("%s\"%s\":{\"cost\":%.2f,\"errno\":%d}", i ? "," : "", m->name,
		       cost(m->nr, m->arg), error);
	}
	printf("}\n");
	return 0;
}
