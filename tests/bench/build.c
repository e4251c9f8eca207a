/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long a new policy takes to become a module, from the request to what is in the cache, by the
 * daemon's own code:
 * bench-build FOLDER SOURCES RELEASE
 * leaves cache and database in the folder; sources: where kmod/ and proto/ are.
 */
#include <signal.h>
#include <string.h>
#include <time.h>

#include "vkerneld/build/builder.h"

#define ROUNDS 30
#define ROUNDS_KBUILD 5
#define LARGE (2u << 20)

typedef struct Bench {
	sd_event *event;
	Db *db;
	Host host;
	BuilderConfig config;
	Builder *builder;
	uint32_t next; /* what tells a policy from all others */
	bool done, failed;
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
	b->failed = result->failure || result->cached;
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

static int build(Bench *b, size_t size, double *ret_ms)
{
	_cleanup_free_ Policy *p = make_policy(b, size);
	_cleanup_failure_ Failure f = {};
	double began = now();
	int r;

	if (!p)
		return -ENOMEM;
	b->done = false;
	r = builder_request(b->builder, p, on_done, b, &f);
	if (r < 0)
		fprintf(stderr, "%s\n", failure_message(&f));
	while (r >= 0 && !b->done)
		r = sd_event_run(b->event, UINT64_MAX);
	*ret_ms = now() - began;
	return b->failed ? -EIO : r;
}

/* The first one waits for the template, or the core. */
static int measure(Bench *b, const char *what, size_t size, size_t rounds)
{
	double ms[ROUNDS], first;
	int r;

	r = build(b, size, &first);
	for (size_t i = 0; r >= 0 && i < rounds; i++)
		r = build(b, size, &ms[i]);
	if (r < 0)
		return r;
	qsort(ms, rounds, sizeof(*ms), compare);
	printf("%s: the first %.0f ms, then %zu: median %.2f ms, at most %.2f ms\n", what, first,
	       rounds, ms[rounds / 2], ms[rounds - 1]);
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
	if (r >= 0)
		r = db_open(db, &b->db, &error);
	if (r >= 0)
		r = builder_new(b->event, &b->config, &b->host, b->db, &b->builder);
	return r;
}

int main(int argc, char **argv)
{
	Bench b = {};
	int r;

	if (argc != 4) {
		fprintf(stderr, "usage: bench-build FOLDER SOURCES RELEASE\n");
		return EXIT_FAILURE;
	}
	r = start(&b, argv[1], argv[2], argv[3]);
	if (r >= 0)
		r = measure(&b, "template", sizeof(Policy), ROUNDS);
	if (r >= 0)
		r = measure(&b, "template, 2 MiB", LARGE, ROUNDS);
	b.config.kbuild = true;
	if (r >= 0)
		r = measure(&b, "kbuild", sizeof(Policy), ROUNDS_KBUILD);
	if (r < 0)
		fprintf(stderr, "bench-build: %s\n", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
