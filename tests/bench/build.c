/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long a new policy takes to become a module, from the request to what is in the cache, by the
 * daemon's own code:
 * bench-build SOURCES RELEASE [ROUNDS]
 * prints JSON, medians of so many rounds; sources: where kmod/ and proto/ are. cold: without a
 * template; warm: what is in the cache; large: a policy of 2 MiB.
 */
#include <ftw.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "vkerneld/build/builder.h"

#define ROUNDS_MAX 100
#define LARGE (2u << 20)

typedef struct Bench {
	sd_event *event;
	Db *db;
	Host host;
	BuilderConfig config;
	Builder *builder;
	uint32_t next; /* what tells a policy from all others */
	bool done, failed;
	bool cached; /* whether what is asked for is in the cache */
} Bench;

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void on_done(const BuildResult *result, void *userdata)
{
	Bench *b = userdata;

	b->done = true;
	b->failed = result->failure || result->cached != b->cached;
	if (result->failure)
		fprintf(stderr, "%s\n", failure_message(result->failure));
}

static Policy *make_policy(Bench *b, size_t size)
{
	Policy *p = calloc(1, size);

	if (!p)
		return NULL;
	p->abi = VK_POLICY_ABI;
	p->size = (uint32_t)size;
	p->table[VK_TABLE_NATIVE][0] = ++b->next;
	policy_seal(p);
	return p;
}

static int build(Bench *b, const Policy *p)
{
	_cleanup_failure_ Failure f = {};
	int r;

	b->done = false;
	r = builder_request(b->builder, p, on_done, b, &f);
	if (r < 0)
		fprintf(stderr, "%s\n", failure_message(&f));
	while (r >= 0 && !b->done)
		r = sd_event_run(b->event, UINT64_MAX);
	return r < 0 ? r : b->failed ? -EIO : 0;
}

static int remove_below(const char *path, const struct stat *st, int type, struct FTW *at)
{
	return at->level > 0 ? remove(path) : 0;
}

/* Another daemon, on what is there: with an empty cache, one that never built. */
static int begin(Bench *b, bool empty)
{
	b->builder = builder_free(b->builder);
	if (empty)
		nftw(b->config.cache, remove_below, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	return builder_new(b->event, &b->config, &b->host, b->db, &b->builder);
}

typedef struct Way {
	const char *name;
	size_t size;
	bool kbuild, cold, warm;
	double unit; /* in milliseconds */
} Way;

static const Way ways[] = {
	{ "template_ms", sizeof(Policy), .unit = 1 },
	{ "large_ms", LARGE, .unit = 1 },
	{ "warm_us", sizeof(Policy), .warm = true, .unit = 1e-3 },
	{ "cold_ms", sizeof(Policy), .cold = true, .unit = 1 },
	{ "kbuild_ms", sizeof(Policy), .kbuild = true, .unit = 1 },
};

static int round_of(Bench *b, const Way *way, double *ret)
{
	_cleanup_free_ Policy *p = make_policy(b, way->size);
	double began;
	int r = p ? 0 : -ENOMEM;

	if (r >= 0 && way->cold)
		r = begin(b, true);
	if (r >= 0 && way->warm)
		r = build(b, p);
	b->cached = way->warm;
	began = now();
	if (r >= 0)
		r = build(b, p);
	*ret = (now() - began) / way->unit;
	b->cached = false;
	return r;
}

/* What the first one waits for, but for the cold ones, is not theirs. */
static int measure(Bench *b, const Way *way, size_t rounds)
{
	double taken[ROUNDS_MAX], first;
	int r;

	b->config.kbuild = way->kbuild;
	r = begin(b, false);
	if (r >= 0 && !way->cold)
		r = round_of(b, way, &first);
	for (size_t i = 0; r >= 0 && i < rounds; i++)
		r = round_of(b, way, &taken[i]);
	if (r < 0)
		return r;
	qsort(taken, rounds, sizeof(*taken), compare);
	printf("%s\"%s\": %.2f", way == ways ? "{" : ", ", way->name, taken[rounds / 2]);
	return 0;
}

static int start(Bench *b, const char *folder, const char *sources, const char *release)
{
	_cleanup_free_ char *cache = NULL, *db = NULL, *error = NULL;
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	if (asprintf(&cache, "%s/cache", folder) < 0 || asprintf(&db, "%s/db", folder) < 0)
		return -ENOMEM;
	b->host = (Host){ .release = (char *)release, .build_id = (char *)"bench" };
	b->config = (BuilderConfig){
		.cache = TAKE_PTR(cache),
		.sources = sources,
		.modules = "/lib/modules",
		.loaded = "/nonexistent",
		.path = "/usr/bin:/bin",
		.timeout = 600,
		.builds_max = 1,
		.queue_max = 256,
	};
	r = sd_event_new(&b->event);
	return r < 0 ? r : db_open(db, &b->db, &error);
}

int main(int argc, char **argv)
{
	char folder[] = "/tmp/bench-build-XXXXXX";
	size_t rounds = argc > 3 ? strtoul(argv[3], NULL, 10) : 30;
	Bench b = {};
	int r;

	if (argc < 3 || rounds == 0 || rounds > ROUNDS_MAX || !mkdtemp(folder)) {
		fprintf(stderr, "usage: bench-build SOURCES RELEASE [ROUNDS]\n");
		return EXIT_FAILURE;
	}
	r = start(&b, folder, argv[1], argv[2]);
	for (size_t i = 0; r >= 0 && i < ELEMENTSOF(ways); i++)
		r = measure(&b, &ways[i], rounds);
	if (r < 0)
		fprintf(stderr, "bench-build: %s\n", strerror(-r));
	else
		printf("}\n");
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
