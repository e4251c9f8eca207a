/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vkerneld/build/cache.h"
#include "vkerneld/build/kbuild.h"
#include "vkerneld/build/key.h"
#include "vkerneld/build/place.h"
#include "vkerneld/clock.h"
#include "vkerneld/log.h"

/* What is asked for, and who asks. */
typedef struct Request {
	Product product;
	const Policy *policy; /* of an image module */
	BuilderDone done;
	void *userdata;
	bool needed; /* by a build that is in the queue already */
	char key[HASH_HEX_SIZE], module[sizeof(TEMPLATE_MODULE)];
} Request;

static int on_pump(sd_event_source *source, void *userdata);
static int request(Builder *b, Request *q, Failure *f);

int builder_new(sd_event *event, const BuilderConfig *config, const Host *host, Db *db,
		Builder **ret)
{
	Builder *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	b->event = sd_event_ref(event);
	b->config = config;
	b->host = host;
	b->db = db;
	r = sources_find(config->sources, &b->sources);
	if (r >= 0)
		r = cache_prepare(config->cache);
	if (r >= 0)
		r = sd_event_add_defer(event, &b->pump, on_pump, b);
	if (r >= 0)
		r = sd_event_source_set_enabled(b->pump, SD_EVENT_OFF);
	if (r < 0) {
		builder_free(b);
		return r;
	}
	*ret = b;
	return 0;
}

Builder *builder_free(Builder *b)
{
	if (!b)
		return NULL;
	while (b->jobs)
		job_free(b->jobs);
	sd_event_source_disable_unref(b->pump);
	toolchain_done(&b->toolchain);
	free(b->symvers);
	sources_done(&b->sources);
	sd_event_unref(b->event);
	free(b);
	return NULL;
}

int builder_toolchain(Builder *b, const Toolchain **ret, Failure *f)
{
	int r = 0;

	if (!b->toolchain.cc || access(b->toolchain.cc, X_OK) < 0 ||
	    access(b->toolchain.headers, R_OK) < 0) {
		toolchain_done(&b->toolchain);
		r = toolchain_find(b->config->modules, b->config->path, b->host->release,
				   &b->toolchain, f);
		if (r >= 0)
			(void)cache_note_compiler(b->config->cache, b->toolchain.cc_version);
	}
	*ret = &b->toolchain;
	return r;
}

int builder_installed(Builder *b, Installed *ret, Failure *f)
{
	return installed_find(b->config->modules, b->host->release, b->config->loaded, ret, f);
}

void builder_find_symvers(Builder *b)
{
	_cleanup_installed_ Installed core = {};
	_cleanup_failure_ Failure f = {};

	free(TAKE_PTR(b->symvers));
	if (builder_installed(b, &core, &f) >= 0)
		b->symvers = TAKE_PTR(core.symvers);
}

int builder_open(Builder *b, const char *key, const char *module)
{
	_cleanup_db_build_ DbBuild build = {};
	int r;

	r = db_build_get(b->db, key, &build);
	if (r < 0)
		return r;
	if (strcmp(build.outcome, "ok") != 0 || !build.content)
		return -ENOENT;
	return cache_open(b->config->cache, key, module, build.content);
}

/* A tampered entry is as good as none, and is made anew. */
static int look_up(Builder *b, const char *key, const char *module)
{
	_cleanup_close_ int fd = builder_open(b, key, module);

	if (fd < 0)
		return fd;
	(void)db_build_used(b->db, key, clock_now());
	return 0;
}

static void tell_corrupt(const char *key, const char *module, int r)
{
	log_message(LOG_WARNING, "the cache's entry %s, %s, is corrupt (%s), making it anew", key,
		    module, r == -EBADMSG ? "it is not what was made" : strerror(-r));
}

static void run(Job *j)
{
	Builder *b = j->builder;
	int r;

	j->state = JOB_RUNS;
	j->started = clock_now();
	r = db_build_start(b->db, j->key, j->digest, b->host->release, j->started);
	if (r >= 0 && product_is_copy(j->product)) {
		place_run(j);
		return;
	}
	if (r >= 0)
		r = kbuild_start(j);
	if (r < 0)
		job_fail_errno(j, r, "preparing the build");
}

/* What is a copy is made beside what compiles, and waits for signatures only. */
static bool is_beside(const Job *a, const Job *b)
{
	return product_is_copy(a->product) != product_is_copy(b->product);
}

static bool has_room(const Builder *b, const Job *job)
{
	unsigned int n = 0;

	for (const Job *j = b->jobs; j; j = j->next)
		n += j->state == JOB_RUNS && !is_beside(j, job);
	return n < b->config->builds_max;
}

static Job *next_job(const Builder *b)
{
	for (Job *j = b->jobs; j; j = j->next)
		if (j->state == JOB_READY && has_room(b, j))
			return j;
	return NULL;
}

static int on_pump(sd_event_source *source, void *userdata)
{
	Builder *b = userdata;
	Job *j = next_job(b);

	if (j) {
		run(j);
		builder_go_on(b);
	}
	return 0;
}

void builder_go_on(Builder *b)
{
	(void)sd_event_source_set_enabled(b->pump, SD_EVENT_ONESHOT);
}

/* The core, or the template, is there, or there is no point in going on. */
static void on_needed(const BuildResult *result, void *userdata)
{
	Job *j = userdata;
	_cleanup_failure_ Failure failure = {};

	if (result->failure) {
		failure_copy(&failure, result->failure);
		job_finish(j, &failure);
		return;
	}
	strcpy(j->needs, result->key);
	j->state = JOB_READY;
	builder_go_on(j->builder);
}

static Job *find_job(const Builder *b, const char *key)
{
	for (Job *j = b->jobs; j; j = j->next)
		if (strcmp(j->key, key) == 0)
			return j;
	return NULL;
}

/* If this fails it has not called back, so the job is still there. */
static int request_needed(Job *j, Failure *f)
{
	Request q = {
		.product = j->product == PRODUCT_PLACED ? PRODUCT_TEMPLATE : PRODUCT_CORE,
		.done = on_needed,
		.userdata = j,
		.needed = true,
	};

	if (j->product == PRODUCT_CORE || (!product_is_copy(j->product) && j->symvers)) {
		j->state = JOB_READY;
		return 0;
	}
	return request(j->builder, &q, f);
}

static int check_queue(const Builder *b, Failure *f)
{
	unsigned int n = 0;

	for (const Job *j = b->jobs; j; j = j->next)
		n += j->state != JOB_RUNS && !j->needed;
	if (n < b->config->queue_max)
		return 0;
	return fail(f, -EAGAIN, ERROR_QUEUE_FULL,
		    "try again later; BuildQueueMax= in /etc/vkernel/vkernel.conf lets more wait, "
		    "BuildsMax= more go on at once",
		    "%u builds wait already", n);
}

static int enqueue(Builder *b, const Request *q, Failure *f)
{
	Job *j;
	int r;

	r = q->needed ? 0 : check_queue(b, f);
	if (r < 0)
		return r;
	r = job_new(b, q->product, q->policy, q->key, &j);
	if (r < 0)
		return r;
	j->needed = q->needed;
	r = job_add_waiter(j, q->done, q->userdata);
	if (r >= 0)
		r = request_needed(j, f);
	if (r < 0)
		job_free(j);
	else
		builder_go_on(b);
	return r;
}

/* imported: NULL for what was made here. */
static int answer_cached(const Request *q, const char *imported)
{
	const BuildResult result = {
		.key = q->key, .module = q->module, .cached = true, .imported = imported
	};

	q->done(&result, q->userdata);
	return 0;
}

/* The version of the one that is there, or else of the one that was; 0 if it is there. */
static int find_compiler(Builder *b, char **ret, Failure *f)
{
	const Toolchain *t;
	int r = builder_toolchain(b, &t, f);

	if (r >= 0) {
		*ret = strdup(t->cc_version);
		return *ret ? 0 : -ENOMEM;
	}
	if (cache_recall_compiler(b->config->cache, ret) < 0)
		*ret = NULL;
	return r;
}

static bool has_template(Builder *b, const char *compiler)
{
	char key[HASH_HEX_SIZE];

	key_make(b, PRODUCT_TEMPLATE, NULL, compiler, key);
	return look_up(b, key, TEMPLATE_MODULE) >= 0;
}

/* What a copy is made of, if it is one; what is compiled takes the compiler in any case. */
static bool has_needed(Builder *b, Product product, const char *compiler)
{
	char key[HASH_HEX_SIZE];

	if (product == PRODUCT_PLACED)
		return has_template(b, compiler);
	if (product != PRODUCT_SIGNED_CORE)
		return false;
	key_make(b, PRODUCT_CORE, NULL, compiler, key);
	return look_up(b, key, CORE_MODULE) >= 0;
}

bool builder_has_template(Builder *b)
{
	_cleanup_free_ char *compiler = NULL;
	_cleanup_failure_ Failure f = {};

	builder_find_symvers(b);
	(void)find_compiler(b, &compiler, &f);
	return compiler && !b->config->kbuild && has_template(b, compiler);
}

void builder_keys(Builder *b, BuilderKeys *ret)
{
	_cleanup_free_ char *compiler = NULL;
	_cleanup_failure_ Failure f = {};

	*ret = (BuilderKeys){};
	builder_find_symvers(b);
	(void)find_compiler(b, &compiler, &f);
	if (!compiler)
		return;
	key_make(b, PRODUCT_CORE, NULL, compiler, ret->core);
	key_make(b, PRODUCT_TEMPLATE, NULL, compiler, ret->template);
}

bool builder_works_on(const Builder *b, const char *key)
{
	for (const Job *j = b->jobs; j; j = j->next)
		if (strcmp(j->key, key) == 0 || strcmp(j->needs, key) == 0)
			return true;
	return false;
}

static void name_product(const Builder *b, const char *compiler, Request *q)
{
	strcpy(q->module, q->product == PRODUCT_TEMPLATE ? TEMPLATE_MODULE : CORE_MODULE);
	if (q->policy)
		policy_module_name(q->policy, q->module);
	key_make(b, q->product, q->policy, compiler, q->key);
}

/*
 * Where the compiler is gone, or the headers are, what they made before is still good, and so is
 * what needs nothing but the template, or a signature.
 */
static int request(Builder *b, Request *q, Failure *f)
{
	_cleanup_free_ char *compiler = NULL;
	_cleanup_failure_ Failure missing = {};
	Job *j;
	int r, found;

	r = find_compiler(b, &compiler, &missing);
	if (compiler) {
		name_product(b, compiler, q);
		j = find_job(b, q->key);
		if (j)
			return job_add_waiter(j, q->done, q->userdata);
		found = look_up(b, q->key, q->module);
		if (found >= 0)
			return answer_cached(q, NULL);
		if (found != -ENOENT)
			tell_corrupt(q->key, q->module, found);
		if (r >= 0 || has_needed(b, q->product, compiler))
			return enqueue(b, q, f);
	}
	failure_copy(f, &missing);
	return r;
}

/* What another host made and root let in goes before what would be made here. */
static int find_imported(Builder *b, Request *q)
{
	char digest[HASH_HEX_SIZE] = "core";
	int r;

	strcpy(q->module, CORE_MODULE);
	if (q->policy) {
		policy_module_name(q->policy, q->module);
		policy_digest_hex(q->policy, digest);
	}
	key_address(b, digest, q->key);
	r = look_up(b, q->key, q->module);
	if (r < 0 && r != -ENOENT)
		tell_corrupt(q->key, q->module, r);
	return r;
}

static int answer_imported(Builder *b, const Request *q, Failure *f)
{
	_cleanup_db_build_ DbBuild build = {};
	int r = db_build_get(b->db, q->key, &build);

	if (r < 0)
		return fail_errno(f, r, "asking for an imported module");
	return answer_cached(q, build.imported ? build.imported : "");
}

int builder_request(Builder *b, const Policy *policy, BuilderDone done, void *userdata, Failure *f)
{
	Request q = { .policy = policy, .done = done, .userdata = userdata };
	int r;

	if (policy)
		builder_find_symvers(b);
	if (find_imported(b, &q) >= 0)
		return answer_imported(b, &q, f);
	r = signing_identify(&b->config->signer, b->signer, f);
	if (r < 0)
		return r;
	if (policy)
		q.product = b->config->kbuild ? PRODUCT_COMPILED : PRODUCT_PLACED;
	else
		q.product = b->signer[0] ? PRODUCT_SIGNED_CORE : PRODUCT_CORE;
	r = request(b, &q, f);
	return r < 0 ? fail_errno(f, r, "asking for a build") : 0;
}

static void on_prepared(const BuildResult *result, void *userdata)
{
	if (result->failure)
		log_message(LOG_WARNING, "making the template of image modules ahead: %s, ignoring",
			    failure_message(result->failure));
}

void builder_prepare(Builder *b)
{
	_cleanup_free_ char *compiler = NULL;
	_cleanup_failure_ Failure f = {};
	Request q = { .product = PRODUCT_TEMPLATE, .done = on_prepared };

	if (b->config->kbuild || find_compiler(b, &compiler, &f) < 0)
		return;
	builder_find_symvers(b);
	if (request(b, &q, &f) < 0)
		log_message(LOG_WARNING, "making the template of image modules ahead: %s, ignoring",
			    failure_message(&f));
}
