/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policy compiler against libseccomp and a BPF interpreter.
 *
 *   differential random                  VK_DIFF_PROFILES profiles from the seeds VK_DIFF_SEED on
 *   differential file PROFILE RESOLVED   the latter by resolve.py
 *   differential mutation                altered policies, which must be told from right ones
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <vkernel/verdict.h>

#include "proto/util.h"
#include "tests/differential/compare.h"

#define PROFILES_DEFAULT 2500

/* libseccomp loses memory where it refuses a rule; the product does that in another process. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libseccomp";
}

/* A profile with what both sides made of it. */
typedef struct Subject {
	Spec spec;
	Oracle oracle;
	Policy *policy;
	char *json;
	size_t size;
} Subject;

static void subject_done(Subject *s)
{
	oracle_done(&s->oracle);
	free(s->policy);
	free(s->json);
	s->oracle = (Oracle){};
	s->policy = NULL;
	s->json = NULL;
}

static bool subject_check(const Subject *s, Random *r, uint64_t *checks)
{
	const Side side = { &s->spec, &s->oracle };

	if (vk_policy_valid(s->policy) && policy_agrees(s->policy, &side, 1, r, checks, false))
		return true;
	printf("%.*s\n", (int)s->size, s->json);
	return false;
}

/*
 * 1 if both sides took it, 0 if both refused it, -1 if they differ. The oracle comes second: it has
 * no protection against rules that send libseccomp round for ever.
 */
static int subject_compile(Subject *s)
{
	static const char *const capabilities[] = { RANDOM_CAPABILITY, NULL };
	static const ProfileTarget target = { RANDOM_KERNEL_MAJOR, RANDOM_KERNEL_MINOR,
					      capabilities };
	ProfileReport report = {};
	int r = profile_read_seccomp(s->json, s->size, &target, &s->policy, &report);
	bool accepted = r != -E2BIG && oracle_build(&s->oracle, &s->spec);
	bool alike = accepted ? r == 0 : r == -EINVAL || r == -E2BIG;

	if (!alike)
		printf("compiler: %d %s; libseccomp: %s\n%.*s\n", r,
		       report.error ? report.error : "", accepted ? "accepts" : "refuses",
		       (int)s->size, s->json);
	profile_report_done(&report);
	return !alike ? -1 : accepted;
}

/* Some contradict themselves, and libseccomp refuses them; then the next. */
static bool subject_random(Subject *s, Random *r)
{
	int accepted = 0;
	FILE *f;

	while (accepted == 0) {
		subject_done(s);
		f = open_memstream(&s->json, &s->size);
		if (!f)
			abort();
		spec_random(&s->spec, r);
		spec_write(&s->spec, r, f);
		fclose(f);
		accepted = subject_compile(s);
	}
	return accepted > 0;
}

static bool check_combined(const Subject *a, const Subject *b, Random *r, uint64_t *checks)
{
	const Policy *sources[] = { a->policy, b->policy };
	const Side sides[] = { { &a->spec, &a->oracle }, { &b->spec, &b->oracle } };
	Policy *combined = NULL;
	int error = policy_combine(sources, 2, &combined);
	bool ok = error == 0 && vk_policy_valid(combined) &&
		  policy_agrees(combined, sides, 2, r, checks, false);

	free(combined);
	if (!ok)
		printf("combined (%d): %.*s\nand %.*s\n", error, (int)a->size, a->json,
		       (int)b->size, b->json);
	return ok;
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static int run_random(void)
{
	uint64_t n = from_environment("VK_DIFF_PROFILES", PROFILES_DEFAULT);
	uint64_t first = from_environment("VK_DIFF_SEED", 1), checks = 0, nodes = 0;
	static Subject subjects[2];
	bool ok = true;

	for (uint64_t i = 0; ok && i < n; i++) {
		Subject *s = &subjects[i % 2], *before = &subjects[(i + 1) % 2];
		/* Neighbouring seeds would start alike. */
		Random r = { (first + i) * 0x9e3779b97f4a7c15u | 1 };

		ok = subject_random(s, &r) && subject_check(s, &r, &checks) &&
		     (i == 0 || check_combined(before, s, &r, &checks));
		if (ok)
			nodes += s->policy->nr_nodes;
		else
			printf("FAILED: VK_DIFF_SEED=%" PRIu64 " VK_DIFF_PROFILES=%d\n",
			       i ? first + i - 1 : first, i ? 2 : 1);
	}
	subject_done(&subjects[0]);
	subject_done(&subjects[1]);
	printf("seeds %" PRIu64 " to %" PRIu64 ": %" PRIu64 " verdicts compared, %" PRIu64
	       " nodes: %s\n",
	       first, first + n - 1, checks, nodes, ok ? "all alike" : "DIFFERENT");
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static char *read_all(const char *path, size_t *size)
{
	FILE *f = fopen(path, "r");
	char *text = malloc(PROFILE_SIZE_MAX);

	if (!f || !text) {
		printf("%s: %s; install golang-github-containers-common if it is its file\n", path,
		       strerror(errno));
		exit(EXIT_FAILURE);
	}
	*size = fread(text, 1, PROFILE_SIZE_MAX, f);
	fclose(f);
	return text;
}

static int run_file(const char *profile, const char *resolved)
{
	static Subject s;
	Random r = { 0x5eed };
	uint64_t checks = 0;
	FILE *f = fopen(resolved, "r");
	bool ok;

	if (!f) {
		printf("%s: %s\n", resolved, strerror(errno));
		return EXIT_FAILURE;
	}
	spec_read(&s.spec, f);
	fclose(f);
	s.json = read_all(profile, &s.size);
	ok = subject_compile(&s) > 0 && subject_check(&s, &r, &checks);
	printf("%s: %zu rules, %u nodes, %" PRIu64 " verdicts compared: %s\n", profile, s.spec.n,
	       s.policy ? s.policy->nr_nodes : 0, checks, ok ? "all alike" : "DIFFERENT");
	subject_done(&s);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static Policy *copy(const Policy *p)
{
	Policy *c = malloc(policy_size(p));

	if (!c)
		abort();
	return memcpy(c, p, policy_size(p));
}

static void mutate_entry(Policy *p, Random *r)
{
	p->table[random_below(r, 2)][random_below(r, VK_NR_CALLS + 1)] = VK_VERDICT(VK_ERRNO, 4001);
}

static void mutate_node(Policy *p, Random *r)
{
	struct vk_node *n = &p->nodes[random_below(r, p->nr_nodes)];
	uint32_t swap = n->yes;

	switch (random_below(r, 3)) {
	case 0:
		n->yes = n->no;
		n->no = swap;
		break;
	case 1:
		n->value ^= n->mask & -n->mask;
		break;
	default:
		n->yes = VK_VERDICT(VK_ERRNO, 4001);
	}
}

/* How many of @n policies that @mutate altered are told from the right ones. */
static unsigned int count_caught(unsigned int n, void (*mutate)(Policy *, Random *))
{
	static Subject s;
	const Side side = { &s.spec, &s.oracle };
	unsigned int caught = 0;
	uint64_t checks = 0;
	Random r = { 0x5eed };

	for (unsigned int i = 0; i < n;) {
		Policy *mutant;

		if (!subject_random(&s, &r))
			return 0;
		if (!s.policy->nr_nodes)
			continue;
		i++;
		mutant = copy(s.policy);
		mutate(mutant, &r);
		caught += !policy_agrees(mutant, &side, 1, &r, &checks, true);
		free(mutant);
	}
	subject_done(&s);
	return caught;
}

/* A test that can not fail shows nothing. */
static int run_mutation(void)
{
	enum { MUTANTS = 200 };
	unsigned int entries = count_caught(MUTANTS, mutate_entry);
	unsigned int nodes = count_caught(MUTANTS, mutate_node);

	printf("told from the right ones: %u of %d altered entries, %u of %d altered nodes\n",
	       entries, MUTANTS, nodes, MUTANTS);
	/* Other comparisons can hide one that was altered. */
	return entries == MUTANTS && nodes >= MUTANTS * 3 / 4 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 2 && strcmp(argv[1], "random") == 0)
		return run_random();
	if (argc == 2 && strcmp(argv[1], "mutation") == 0)
		return run_mutation();
	if (argc == 4 && strcmp(argv[1], "file") == 0)
		return run_file(argv[2], argv[3]);
	fprintf(stderr, "usage: differential random|mutation|file PROFILE RESOLVED\n");
	return 2;
}
