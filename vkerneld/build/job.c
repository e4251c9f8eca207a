/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/stat.h>

#include "vkerneld/build/cache.h"
#include "vkerneld/build/job.h"
#include "vkerneld/build/key.h"
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
	signing_free(j->signing);
	remove_folders(j);
	while (j->waiters) {
		Waiter *w = j->waiters;

		j->waiters = w->next;
		free(w);
	}
	free(j->policy);
	free(j->symvers);
	free((char *)j->signer.key);
	free((char *)j->signer.cert);
	free((char *)j->signer.hash);
	free(j);
}

static int copy_string(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? -ENOMEM : 0;
}

bool product_is_copy(Product product)
{
	return product == PRODUCT_PLACED || product == PRODUCT_SIGNED_CORE;
}

static bool is_core(Product product)
{
	return product == PRODUCT_CORE || product == PRODUCT_SIGNED_CORE;
}

/* No kernel ever sees the template itself, and the core is signed as a copy. */
static bool is_signed(Product product)
{
	return product != PRODUCT_CORE && product != PRODUCT_TEMPLATE;
}

static int copy_signer(Job *j)
{
	const Signer *s = &j->builder->config->signer;

	if (!is_signed(j->product) || !j->builder->signer[0])
		return 0;
	strcpy(j->signer_id, j->builder->signer);
	if (copy_string((char **)&j->signer.key, s->key) < 0 ||
	    copy_string((char **)&j->signer.cert, s->cert) < 0)
		return -ENOMEM;
	return copy_string((char **)&j->signer.hash, s->hash);
}

static int set_up(Job *j, const Policy *policy)
{
	strcpy(j->module, is_core(j->product) ? CORE_MODULE : TEMPLATE_MODULE);
	strcpy(j->digest, is_core(j->product) ? "core" : "template");
	if (policy) {
		policy_module_name(policy, j->module);
		policy_digest_hex(policy, j->digest);
	}
	key_fit(j->builder, is_core(j->product), j->fit);
	if ((policy && policy_copy(policy, &j->policy) < 0) ||
	    copy_string(&j->symvers, j->builder->symvers) < 0)
		return -ENOMEM;
	return copy_signer(j);
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

static void on_signed(Failure *f, void *userdata)
{
	Job *j = userdata;

	j->signing = NULL;
	if (f)
		job_fail(j, f, NULL);
	else
		commit_and_finish(j);
}

static int start_signing(Job *j)
{
	_cleanup_free_ char *path = NULL;
	int r;

	r = job_module_path(j, j->entry, &path);
	return r < 0 ? r
		     : signing_start(j->builder->event, &j->signer, j->signer_id, path, on_signed,
				     j, &j->signing);
}

void job_keep(Job *j)
{
	int r;

	if (!j->signer_id[0]) {
		commit_and_finish(j);
		return;
	}
	r = start_signing(j);
	if (r < 0)
		job_fail_errno(j, r, "signing the module");
}
