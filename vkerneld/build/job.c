/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/stat.h>

#include "vkerneld/build/cache.h"
#include "vkerneld/build/job.h"
#include "vkerneld/build/sign.h"
#include "vkerneld/build/tree.h"
#include "vkerneld/clock.h"

struct Waiter {
	Waiter *next;
	BuilderDone done;
	void *userdata;
};

static void unlink_job(Job *j)
{
	Builder *b = j->builder;
	Job **at = &b->jobs;

	while (*at && *at != j)
		at = &(*at)->next;
	if (*at)
		*at = j->next;
}

static void remove_folder(char **path)
{
	if (*path)
		(void)tree_remove(*path);
	free(TAKE_PTR(*path));
}

static void remove_folders(Job *j)
{
	remove_folder(&j->dir);
	remove_folder(&j->entry);
}

void job_free(Job *j)
{
	unlink_job(j);
	sandbox_free(j->sandbox);
	task_free(j->signing);
	remove_folders(j);
	while (j->waiters) {
		Waiter *w = j->waiters;

		j->waiters = w->next;
		free(w);
	}
	free(j->policy);
	free(j->symvers);
	free(j->signing_key);
	free(j->signing_cert);
	free(j);
}

static int copy_string(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? -ENOMEM : 0;
}

static int set_up(Job *j, const Policy *policy)
{
	const BuilderConfig *c = j->builder->config;

	strcpy(j->module, j->product == PRODUCT_CORE ? CORE_MODULE : TEMPLATE_MODULE);
	strcpy(j->digest, j->product == PRODUCT_CORE ? "core" : "template");
	if (policy) {
		policy_module_name(policy, j->module);
		policy_digest_hex(policy, j->digest);
	}
	if ((policy && policy_copy(policy, &j->policy) < 0) ||
	    copy_string(&j->symvers, j->builder->symvers) < 0 ||
	    copy_string(&j->signing_key, c->signing_key) < 0 ||
	    copy_string(&j->signing_cert, c->signing_cert) < 0)
		return -ENOMEM;
	return 0;
}

int job_new(Builder *b, Product product, const Policy *policy, const char *key, Job **ret)
{
	Job *j = calloc(1, sizeof(*j)), **at = &b->jobs;

	if (!j)
		return -ENOMEM;
	j->builder = b;
	j->product = product;
	strcpy(j->key, key);
	if (set_up(j, policy) < 0) {
		job_free(j);
		return -ENOMEM;
	}
	while (*at)
		at = &(*at)->next;
	*at = j;
	*ret = j;
	return 0;
}

int job_add_waiter(Job *j, BuilderDone done, void *userdata)
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

int job_module_path(const Job *j, const char *folder, char **ret)
{
	return asprintf(ret, "%s/%s.ko", folder, j->module) < 0 ? -ENOMEM : 0;
}

static int64_t milliseconds(const Job *j)
{
	return (clock_now() - j->started) / 1000;
}

void job_finish(Job *j, const Failure *failure)
{
	Builder *b = j->builder;
	BuildResult result = { .failure = failure, .key = j->key, .module = j->module };

	unlink_job(j);
	/* Whoever is told finds no folder of it any more. */
	remove_folders(j);
	for (Waiter *w = j->waiters; w; w = w->next)
		w->done(&result, w->userdata);
	job_free(j);
	builder_go_on(b);
}

void job_fail(Job *j, Failure *failure, const char *output)
{
	const char *text = output && output[0] ? output : failure_message(failure);

	failure_add(failure, "digest", j->digest);
	(void)db_build_failed(j->builder->db, j->key, milliseconds(j), text);
	job_finish(j, failure);
}

void job_fail_errno(Job *j, int r, const char *doing)
{
	_cleanup_failure_ Failure failure = {};
	const char *hint =
		r == -ENOSPC ? "free some space on the file system of /var/cache/vkernel" : NULL;

	fail(&failure, r, ERROR_BUILD_FAILED, hint, "%s: %s", doing, strerror(-r));
	job_fail(j, &failure, NULL);
}

static int entry_size(const Job *j, int64_t *ret)
{
	_cleanup_free_ char *path = NULL;
	struct stat st;
	int r;

	r = job_module_path(j, j->entry, &path);
	if (r < 0)
		return r;
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
	r = db_build_ok(b->db, j->key, milliseconds(j), size, content);
	if (r >= 0 && b->config->grown)
		b->config->grown(b->config->userdata);
	return r;
}

static void commit_and_finish(Job *j)
{
	int r = commit(j);

	if (r < 0)
		job_fail_errno(j, r, "keeping the module");
	else
		job_finish(j, NULL);
}

static void on_signed(int result, void *userdata)
{
	Job *j = userdata;
	_cleanup_failure_ Failure failure = {};

	j->signing = NULL;
	if (result == 0) {
		commit_and_finish(j);
		return;
	}
	fail(&failure, result, ERROR_BUILD_FAILED,
	     "look at ModuleSigningKey= and ModuleSigningCert= in /etc/vkernel/vkernel.conf; "
	     "sign-file comes with the kernel's headers",
	     "sign-file could not sign the module");
	job_fail(j, &failure, NULL);
}

/* It takes the headers, but no compiler. */
static int start_signing(Job *j)
{
	Builder *b = j->builder;
	_cleanup_free_ char *path = NULL, *headers = NULL;
	int r;

	r = job_module_path(j, j->entry, &path);
	if (r < 0)
		return r;
	if (asprintf(&headers, "%s/%s/build", b->config->modules, b->host->release) < 0) {
		headers = NULL;
		return -ENOMEM;
	}
	return sign_start(b->event, &(const Toolchain){ .headers = headers }, path, j->signing_key,
			  j->signing_cert, on_signed, j, &j->signing);
}

void job_keep(Job *j)
{
	int r;

	/* No kernel ever sees the template itself. */
	if (!j->signing_key || j->product == PRODUCT_TEMPLATE) {
		commit_and_finish(j);
		return;
	}
	r = start_signing(j);
	if (r < 0)
		job_fail_errno(j, r, "signing the module");
}
