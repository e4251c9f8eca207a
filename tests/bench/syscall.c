// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * bench-syscall [--seccomp RULES]: what three system calls cost, as JSON.
 *
 * Under qemu -icount shift=0 the clock advances by one nanosecond an instruction, so time is a
 * count. The least of many batches leaves out interrupts, which hit some batches and not all.
 *
 * RULES is one rule a line: "allow NAME", or "unless NAME ARGUMENT VALUE".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <seccomp.h>
#include <sys/syscall.h>

#define BATCHES 200
#define CALLS 100

static const struct measured {
	const char *name;
	long nr;
} measured[] = {
	{ "allowed", SYS_getpid }, /* plainly */
	{ "args", SYS_getuid }, /* unless its first argument is 77 */
	{ "denied", SYS_getppid },
};

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long batch(long nr)
{
	long long began = now();
	int i;

	for (i = 0; i < CALLS; i++)
		syscall(nr, 1, 2, 3, 4, 5, 6);
	return now() - began;
}

static double cost(long nr)
{
	long long least = batch(nr);
	int i;

	for (i = 1; i < BATCHES; i++) {
		long long took = batch(nr);

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
	r = seccomp_arch_add(filter, SCMP_ARCH_X86) ?: seccomp_arch_add(filter, SCMP_ARCH_X32);
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
		long ret = syscall(measured[i].nr, 1, 2, 3, 4, 5, 6);

		printf("%s\"%s\":{\"cost\":%.2f,\"errno\":%d}", i ? "," : "", measured[i].name,
		       cost(measured[i].nr), ret < 0 ? errno : 0);
	}
	printf("}\n");
	return 0;
}
