/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "vkerneld/build/builder.h"
#include "vkerneld/build/cache.h"
#include "vkerneld/build/generate.h"
#include "vkerneld/build/sandbox.h"
#include "vkerneld/build/sign.h"
#include "vkerneld/build/tree.h"
#include "vkerneld/clock.h"
#include "vkerneld/log.h"

#define DATA_FILE "policy_data.h"
#define CORE_SYMVERS "core.symvers"
#define CORE_HEADER "proto/vkernel_genl.h"

typedef struct Job Job;

typedef struct Waiter {
	struct Waiter *next;
	BuilderDone done;
	void *userdata;
} Waiter;

/* Jobs are in the order of their arrival; one runs, others are ready or wait for the core. */
struct Job {
	Builder *builder;
	Job *next;
	Waiter *waiters;
	Policy *policy; /* NULL: the core */
	char key[HASH_HEX_SIZE];
	char digest[HASH_HEX_SIZE]; /* "core" for the core */
	char module[sizeof(VK_MODULE_PREFIX) + VK_MODULE_DIGITS];
	char *symvers; /* of the installed core; NULL: that of core_key was built */
	char core_key[HASH_HEX_SIZE];
	bool ready;
	int64_t started;
	char *dir, *entry; /* of the build, and of what becomes the entry of the cache */
};

struct Builder {
	sd_event *event;
	const BuilderConfig *config;
	const Host *host;
	Db *db;
	Toolchain toolchain;
	char *symvers; /* of the installed core at the last request; NULL: none serves */
	char *kmod, *header; /* the sources of the core */
	char sources[HASH_HEX_SIZE]; /* what the core is made of */
	char template[HASH_HEX_SIZE]; /* what image modules are made of, but for the policy */
	Job *jobs, *running;
	Sandbox *sandbox;
	Task *signing;
	sd_event_source *pump;
};

static void pump_later(Builder *b);
static int on_pump(sd_event_source *source, void *userdata);

static void remove_folders(Job *j)
{
	if (j->dir)
		(void)tree_remove(j->dir);
	if (j->entry)
		(void)tree_remove(j->entry);
}

static void job_free(Job *j)
{
	while (j->waiters) {
		Waiter *w = j->waiters;

		j->waiters = w->next;
		free(w);
	}
	free(j->policy);
	free(j->symvers);
	free(j->dir);
	free(j->entry);
	free(j);
}

static int find_sources(Builder *b)
{
	_cleanup_free_ char *kbuild = NULL;

	if (asprintf(&b->kmod, "%s/kmod", b->config->sources) < 0) {
		b->kmod = NULL;
		return -ENOMEM;
	}
	if (asprintf(&b->header, "%s/" CORE_HEADER, b->config->sources) < 0) {
		b->header = NULL;
		return -ENOMEM;
	}
	if (asprintf(&kbuild, "%s/Kbuild", b->kmod) < 0)
		return -ENOMEM;
	return access(kbuild, R_OK) < 0 ? -errno : 0;
}

static int hash_template(Builder *b, Hash *h)
{
	static const char *const parts[] = { "policy", "include" };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ELEMENTSOF(parts); i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/%s", b->kmod, parts[i]) < 0)
			return -ENOMEM;
		r = tree_hash(path, h);
	}
	return r;
}

static int hash_core(Builder *b, Hash *h)
{
	_cleanup_close_ int fd = -EBADF;
	int r;

	r = tree_hash(b->kmod, h);
	if (r < 0)
		return r;
	fd = open(b->header, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : hash_add_fd(h, fd);
}

/* Sources come with the daemon, so once is enough. */
static int hash_sources(Builder *b)
{
	Hash h;
	int r;

	hash_init(&h);
	r = hash_core(b, &h);
	if (r < 0)
		return r;
	hash_end(&h, b->sources);
	hash_init(&h);
	r = hash_template(b, &h);
	if (r < 0)
		return r;
	hash_end(&h, b->template);
	return 0;
}

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
	r = find_sources(b);
	if (r >= 0)
		r = hash_sources(b);
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
	sandbox_free(b->sandbox);
	task_free(b->signing);
	while (b->jobs) {
		Job *j = b->jobs;

		b->jobs = j->next;
		remove_folders(j);
		job_free(j);
	}
	sd_event_source_disable_unref(b->pump);
	toolchain_done(&b->toolchain);
	free(b->symvers);
	free(b->kmod);
	free(b->header);
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

static void find_symvers(Builder *b)
{
	_cleanup_installed_ Installed core = {};
	_cleanup_failure_ Failure f = {};

	free(TAKE_PTR(b->symvers));
	if (builder_installed(b, &core, &f) >= 0)
		b->symvers = TAKE_PTR(core.symvers);
}

/* What decides the bytes of every module here. */
static void hash_common(const Builder *b, const char *kind, const char *compiler, Hash *h)
{
	hash_init(h);
	hash_add_string(h, "kind", kind);
	hash_add_string(h, "release", b->host->release);
	hash_add_string(h, "build-id", b->host->build_id);
	hash_add_string(h, "compiler", compiler);
	hash_add_string(h, "signer", b->config->signing_cert ? b->config->signing_cert : "");
}

static void core_key(const Builder *b, const char *compiler, char ret[HASH_HEX_SIZE])
{
	Hash h;

	hash_common(b, "core", compiler, &h);
	hash_add_string(&h, "sources", b->sources);
	hash_end(&h, ret);
}

static void image_key(const Builder *b, const Policy *p, const char *compiler,
		      char ret[HASH_HEX_SIZE])
{
	static const uint32_t numbers[] = { VK_POLICY_ABI, GENERATOR_VERSION };
	Hash h;

	hash_common(b, "image", compiler, &h);
	hash_add_field(&h, "policy", p->digest, sizeof(p->digest));
	hash_add_field(&h, "versions", numbers, sizeof(numbers));
	hash_add_string(&h, "template", b->template);
	/* That of a core built here follows from the template. */
	hash_add_string(&h, "symvers", b->symvers ? b->symvers : "");
	hash_end(&h, ret);
}

/* policy: NULL for the core. */
static void make_key(const Builder *b, const Policy *policy, const char *compiler,
		     char ret[HASH_HEX_SIZE])
{
	if (policy)
		image_key(b, policy, compiler, ret);
	else
		core_key(b, compiler, ret);
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

static int64_t milliseconds(const Job *j)
{
	return (clock_now() - j->started) / 1000;
}

static void unlink_job(Builder *b, Job *j)
{
	Job **at = &b->jobs;

	while (*at && *at != j)
		at = &(*at)->next;
	if (*at)
		*at = j->next;
	if (b->running == j)
		b->running = NULL;
}

/* Tells all who wait, and goes on with the next. */
static void finish(Job *j, const Failure *failure)
{
	Builder *b = j->builder;
	BuildResult result = { .failure = failure, .key = j->key, .module = j->module };

	unlink_job(b, j);
	remove_folders(j);
	for (Waiter *w = j->waiters; w; w = w->next)
		w->done(&result, w->userdata);
	job_free(j);
	pump_later(b);
}

static void finish_failed(Job *j, Failure *failure, const char *output)
{
	const char *text = output && output[0] ? output : failure_message(failure);

	failure_add(failure, "digest", j->digest);
	(void)db_build_failed(j->builder->db, j->key, milliseconds(j), text);
	finish(j, failure);
}

/* An errno of the daemon's own work on a build. */
static void finish_errno(Job *j, int r, const char *doing)
{
	_cleanup_failure_ Failure failure = {};
	const char *hint =
		r == -ENOSPC ? "free some space on the file system of /var/cache/vkernel" : NULL;

	fail(&failure, r, ERROR_BUILD_FAILED, hint, "%s: %s", doing, strerror(-r));
	finish_failed(j, &failure, NULL);
}

static int entry_size(const Job *j, int64_t *ret)
{
	_cleanup_free_ char *path = NULL;
	struct stat st;

	if (asprintf(&path, "%s/%s.ko", j->entry, j->module) < 0)
		return -ENOMEM;
	if (stat(path, &st) < 0)
		return -errno;
	*ret = st.st_size;
	return 0;
}

static int commit(Job *j)
{
	Builder *b = j->builder;
	char content[HASH_HEX_SIZE];
	int64_t size = 0;
	int r;

	r = entry_size(j, &size);
	if (r >= 0)
		r = cache_content(j->entry, j->module, content);
	if (r >= 0)
		r = cache_commit(b->config->cache, j->key, j->entry);
	if (r < 0)
		return r;
	free(TAKE_PTR(j->entry));
	return db_build_ok(b->db, j->key, milliseconds(j), size, content);
}

static void commit_and_finish(Job *j)
{
	int r = commit(j);

	if (r < 0)
		finish_errno(j, r, "keeping the module");
	else
		finish(j, NULL);
}

static void on_signed(int result, void *userdata)
{
	Job *j = userdata;
	_cleanup_failure_ Failure failure = {};

	j->builder->signing = NULL;
	if (result == 0) {
		commit_and_finish(j);
		return;
	}
	fail(&failure, result, ERROR_BUILD_FAILED,
	     "look at ModuleSigningKey= and ModuleSigningCert= in /etc/vkernel/vkernel.conf",
	     "sign-file could not sign the module");
	finish_failed(j, &failure, NULL);
}

static int start_signing(Job *j)
{
	Builder *b = j->builder;
	const BuilderConfig *c = b->config;
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/%s.ko", j->entry, j->module) < 0)
		return -ENOMEM;
	return sign_start(b->event, &b->toolchain, path, c->signing_key, c->signing_cert, on_signed,
			  j, &b->signing);
}

/* Where Kbuild works: a core is built beside its headers of proto/. */
static int work_path(const Job *j, const char *file, char **ret)
{
	return asprintf(ret, "%s%s%s%s", j->dir, j->policy ? "" : "/kmod", file ? "/" : "",
			file ? file : "") < 0
		       ? -ENOMEM
		       : 0;
}

/* Of the files that a build leaves, these are taken: the module and, of the core, its symbols. */
static int collect(Job *j)
{
	_cleanup_free_ char *from = NULL, *to = NULL, *file = NULL;
	_cleanup_free_ char *symvers = NULL, *kept = NULL;
	int r;

	if (asprintf(&file, "%s.ko", j->module) < 0)
		return -ENOMEM;
	r = work_path(j, file, &from);
	if (r >= 0 && asprintf(&to, "%s/%s", j->entry, file) < 0)
		r = -ENOMEM;
	if (r >= 0)
		r = cache_take(from, j->builder->config->uid, to, true);
	if (r < 0 || j->policy)
		return r;
	r = work_path(j, CACHE_SYMVERS, &symvers);
	if (r >= 0 && asprintf(&kept, "%s/" CACHE_SYMVERS, j->entry) < 0)
		r = -ENOMEM;
	return r < 0 ? r : cache_take(symvers, j->builder->config->uid, kept, false);
}

static void collect_and_go_on(Job *j)
{
	int r;

	r = cache_make_temporary(j->builder->config->cache, &j->entry);
	if (r >= 0)
		r = collect(j);
	if (r >= 0 && j->builder->config->signing_key) {
		r = start_signing(j);
		if (r >= 0)
			return;
	}
	if (r < 0)
		finish_errno(j, r, "taking the module that was built");
	else
		commit_and_finish(j);
}

static const char *hint_for(const SandboxResult *result)
{
	if (result->timed_out)
		return "BuildTimeoutSec= in /etc/vkernel/vkernel.conf gives more time";
	if (strstr(result->output, "No space left on device"))
		return "free some space on the file system of /var/cache/vkernel";
	if (strstr(result->output, "not found") || strstr(result->output, "No such file"))
		return "the headers package may be incomplete: reinstall linux-headers and its "
		       "linux-kbuild, and install the compiler they name";
	return "the output is that of the compiler; 'vkctl status' checks what a build needs";
}

static void on_built(const SandboxResult *result, void *userdata)
{
	Job *j = userdata;
	_cleanup_failure_ Failure failure = {};

	j->builder->sandbox = NULL;
	if (result->status == 0 && !result->timed_out) {
		collect_and_go_on(j);
		return;
	}
	if (result->timed_out)
		fail(&failure, -ETIMEDOUT, ERROR_BUILD_FAILED, hint_for(result),
		     "the build took more than %u seconds and was stopped",
		     j->builder->config->timeout);
	else
		fail(&failure, -EIO, ERROR_BUILD_FAILED, hint_for(result),
		     "the compiler failed (%s %d)", result->status < 0 ? "signal" : "exit status",
		     abs(result->status));
	failure_add(&failure, "output", result->output);
	finish_failed(j, &failure, result->output);
}

static int add_data(const Job *j)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	int r;

	r = work_path(j, DATA_FILE, &path);
	if (r < 0)
		return r;
	f = fopen(path, "wxe");
	if (!f)
		return -errno;
	errno = 0;
	r = generate_policy(j->policy, f);
	return r < 0 && errno ? -errno : r;
}

static int write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "wxe");
	int r;

	if (!f)
		return -errno;
	r = fputs(text, f) < 0 ? -EIO : 0;
	return fclose(f) != 0 ? -EIO : r;
}

static int add_symvers(const Job *j)
{
	_cleanup_free_ char *from = NULL, *to = NULL;
	int r;

	r = work_path(j, CORE_SYMVERS, &to);
	if (r >= 0 && j->symvers)
		return write_text(to, j->symvers);
	if (r >= 0)
		r = cache_path(j->builder->config->cache, j->core_key, CACHE_SYMVERS, &from);
	return r < 0 ? r : file_copy(from, to);
}

static int populate_image(const Job *j)
{
	_cleanup_free_ char *policy = NULL, *include = NULL, *to = NULL;
	int r;

	if (asprintf(&policy, "%s/policy", j->builder->kmod) < 0 ||
	    asprintf(&include, "%s/include", j->builder->kmod) < 0 ||
	    asprintf(&to, "%s/include", j->dir) < 0)
		return -ENOMEM;
	r = tree_copy(policy, j->dir);
	if (r >= 0)
		r = tree_copy(include, to);
	if (r >= 0)
		r = add_data(j);
	return r < 0 ? r : add_symvers(j);
}

static int populate_core(const Job *j)
{
	_cleanup_free_ char *work = NULL, *proto = NULL, *header = NULL;
	int r;

	if (asprintf(&proto, "%s/proto", j->dir) < 0 ||
	    asprintf(&header, "%s/" CORE_HEADER, j->dir) < 0)
		return -ENOMEM;
	r = work_path(j, NULL, &work);
	if (r >= 0)
		r = tree_copy(j->builder->kmod, work);
	if (r >= 0 && mkdir(proto, 0755) < 0)
		r = -errno;
	return r < 0 ? r : file_copy(j->builder->header, header);
}

/* All is written before the user of builds can touch any of it. */
static int populate(Job *j)
{
	const BuilderConfig *c = j->builder->config;
	int r;

	r = cache_make_temporary(c->cache, &j->dir);
	if (r >= 0)
		r = j->policy ? populate_image(j) : populate_core(j);
	if (r >= 0 && c->uid)
		r = tree_chown(j->dir, c->uid, c->gid);
	return r;
}

static int run_make(Job *j)
{
	Builder *b = j->builder;
	_cleanup_free_ char *work = NULL, *m = NULL, *cc = NULL, *module = NULL, *symbols = NULL;
	int r;

	r = work_path(j, NULL, &work);
	if (r < 0)
		return r;
	if (asprintf(&m, "M=%s", work) < 0 || asprintf(&cc, "CC=%s", b->toolchain.cc) < 0 ||
	    asprintf(&module, "VK_MODULE=%s", j->module) < 0 ||
	    asprintf(&symbols, "KBUILD_EXTRA_SYMBOLS=%s/" CORE_SYMVERS, work) < 0)
		return -ENOMEM;

	/* Without debug information, or BTF made of it, a module is a tenth of the size to load. */
	const char *argv[] = { b->toolchain.make,
			       "-j2",
			       "-C",
			       b->toolchain.headers,
			       m,
			       cc,
			       "KCFLAGS=-g0",
			       "CONFIG_DEBUG_INFO_BTF_MODULES=",
			       "modules",
			       j->policy ? module : NULL,
			       symbols,
			       NULL };
	const SandboxSpec spec = {
		.dir = j->dir,
		.argv = argv,
		.uid = b->config->uid,
		.gid = b->config->gid,
		.timeout = b->config->timeout,
	};

	return sandbox_start(b->event, &spec, on_built, j, &b->sandbox);
}

/* It takes the longest, and most hosts need not do it. */
static void tell_why(Builder *b)
{
	_cleanup_installed_ Installed core = {};
	_cleanup_failure_ Failure f = {};

	if (builder_installed(b, &core, &f) < 0)
		log_message(LOG_NOTICE, "compiling the core: %s", failure_message(&f));
	else
		log_message(LOG_NOTICE, "compiling the core, in the place of %s", core.path);
}

static void run(Job *j)
{
	Builder *b = j->builder;
	int r;

	if (!j->policy)
		tell_why(b);
	b->running = j;
	j->started = clock_now();
	r = db_build_start(b->db, j->key, j->digest, b->host->release, j->started);
	if (r >= 0)
		r = populate(j);
	if (r >= 0)
		r = run_make(j);
	if (r < 0)
		finish_errno(j, r, "preparing the build");
}

static int on_pump(sd_event_source *source, void *userdata)
{
	Builder *b = userdata;
	Job *j = b->jobs;

	while (j && !j->ready)
		j = j->next;
	if (j && !b->running)
		run(j);
	return 0;
}

static void pump_later(Builder *b)
{
	(void)sd_event_source_set_enabled(b->pump, SD_EVENT_ONESHOT);
}

static int add_waiter(Job *j, BuilderDone done, void *userdata)
{
	Waiter *w = calloc(1, sizeof(*w)), **at = &j->waiters;

	if (!w)
		return -ENOMEM;
	w->done = done;
	w->userdata = userdata;
	while (*at)
		at = &(*at)->next;
	*at = w;
	return 0;
}

/* The core's symbols are there, or there is no point in going on. */
static void on_core(const BuildResult *result, void *userdata)
{
	Job *j = userdata;
	_cleanup_failure_ Failure failure = {};

	if (result->failure) {
		failure_copy(&failure, result->failure);
		finish(j, &failure);
		return;
	}
	memcpy(j->core_key, result->key, sizeof(j->core_key));
	j->ready = true;
	pump_later(j->builder);
}

static Job *find_job(Builder *b, const char *key)
{
	for (Job *j = b->jobs; j; j = j->next)
		if (strcmp(j->key, key) == 0)
			return j;
	return NULL;
}

static int copy_policy(const Policy *p, Policy **ret)
{
	*ret = malloc(policy_size(p));
	if (!*ret)
		return -ENOMEM;
	memcpy(*ret, p, policy_size(p));
	return 0;
}

static int set_policy(Job *j, const Policy *policy)
{
	const char *symvers = j->builder->symvers;

	if (copy_policy(policy, &j->policy) < 0)
		return -ENOMEM;
	policy_module_name(policy, j->module);
	policy_digest_hex(policy, j->digest);
	if (symvers && !(j->symvers = strdup(symvers)))
		return -ENOMEM;
	return 0;
}

static int job_new(Builder *b, const Policy *policy, const char *key, Job **ret)
{
	Job *j = calloc(1, sizeof(*j)), **at = &b->jobs;

	if (!j)
		return -ENOMEM;
	j->builder = b;
	strcpy(j->key, key);
	strcpy(j->module, CORE_MODULE);
	strcpy(j->digest, "core");
	if (policy && set_policy(j, policy) < 0) {
		job_free(j);
		return -ENOMEM;
	}
	j->ready = !policy || j->symvers;
	while (*at)
		at = &(*at)->next;
	*at = j;
	*ret = j;
	return 0;
}

/* A tampered entry is as good as none, and is made anew. */
static bool in_cache(Builder *b, const char *key, const char *module)
{
	_cleanup_close_ int fd = builder_open(b, key, module);

	if (fd < 0)
		return false;
	(void)db_build_used(b->db, key, clock_now());
	return true;
}

static int enqueue(Builder *b, const Policy *policy, const char *key, BuilderDone done,
		   void *userdata, Failure *f)
{
	Job *j;
	int r;

	r = job_new(b, policy, key, &j);
	if (r < 0)
		return r;
	r = add_waiter(j, done, userdata);
	/* If this fails it has not called back, so the job is still there. */
	if (r >= 0 && !j->ready)
		r = builder_request(b, NULL, on_core, j, f);
	if (r < 0) {
		unlink_job(b, j);
		job_free(j);
		return r;
	}
	pump_later(b);
	return 0;
}

/* Where the compiler is gone, or the headers are, what they made before is still good. */
static bool in_cache_of_old(Builder *b, const Policy *policy, const char *module,
			    char key[HASH_HEX_SIZE])
{
	_cleanup_free_ char *compiler = NULL;

	if (cache_recall_compiler(b->config->cache, &compiler) < 0)
		return false;
	make_key(b, policy, compiler, key);
	return in_cache(b, key, module);
}

static void answer_cached(const char *key, const char *module, BuilderDone done, void *userdata)
{
	done(&(BuildResult){ .key = key, .module = module, .cached = true }, userdata);
}

int builder_request(Builder *b, const Policy *policy, BuilderDone done, void *userdata, Failure *f)
{
	char key[HASH_HEX_SIZE], module[sizeof(VK_MODULE_PREFIX) + VK_MODULE_DIGITS] = CORE_MODULE;
	const Toolchain *t;
	Job *j;
	int r;

	if (policy) {
		policy_module_name(policy, module);
		find_symvers(b);
	}
	r = builder_toolchain(b, &t, f);
	if (r < 0) {
		if (!in_cache_of_old(b, policy, module, key))
			return r;
		failure_done(f);
		answer_cached(key, module, done, userdata);
		return 0;
	}
	make_key(b, policy, t->cc_version, key);
	j = find_job(b, key);
	if (!j && in_cache(b, key, module)) {
		answer_cached(key, module, done, userdata);
		return 0;
	}
	r = j ? add_waiter(j, done, userdata) : enqueue(b, policy, key, done, userdata, f);
	return r < 0 ? fail_errno(f, r, "asking for a build") : 0;
}
