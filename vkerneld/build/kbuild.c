/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "vkerneld/build/cache.h"
#include "vkerneld/build/generate.h"
#include "vkerneld/build/kbuild.h"
#include "vkerneld/build/tree.h"
#include "vkerneld/log.h"

#define DATA_FILE "policy_data.h"
#define CORE_SYMVERS "core.symvers"

static bool is_core(const Job *j)
{
	return j->product == PRODUCT_CORE;
}

/* Where Kbuild works: a core is built beside its headers of proto/. */
static int work_path(const Job *j, const char *file, char **ret)
{
	return asprintf(ret, "%s%s%s%s", j->dir, is_core(j) ? "/kmod" : "", file ? "/" : "",
			file ? file : "") < 0
		       ? -ENOMEM
		       : 0;
}

/* Of the files that a build leaves, these are taken: the module and, of the core, its symbols. */
static int collect(Job *j)
{
	_cleanup_free_ char *work = NULL, *from = NULL, *to = NULL;
	_cleanup_free_ char *symvers = NULL, *kept = NULL;
	int r;

	r = work_path(j, NULL, &work);
	if (r >= 0)
		r = job_module_path(j, work, &from);
	if (r >= 0)
		r = job_module_path(j, j->entry, &to);
	if (r >= 0)
		r = cache_take(from, j->uid, to, true);
	if (r < 0 || !is_core(j))
		return r;
	r = work_path(j, CACHE_SYMVERS, &symvers);
	if (r >= 0 && asprintf(&kept, "%s/" CACHE_SYMVERS, j->entry) < 0)
		r = -ENOMEM;
	return r < 0 ? r : cache_take(symvers, j->uid, kept, false);
}

static void collect_and_keep(Job *j)
{
	int r;

	r = cache_make_temporary(j->builder->config->cache, &j->entry);
	if (r >= 0)
		r = collect(j);
	if (r < 0)
		job_fail_errno(j, r, "taking the module that was built");
	else
		job_keep(j);
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

	j->sandbox = NULL;
	if (result->status == 0 && !result->timed_out) {
		collect_and_keep(j);
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
	job_fail(j, &failure, result->output);
}

/* The template has a policy, too, though nobody runs on it. */
static int write_policy(const Job *j, FILE *f)
{
	_cleanup_free_ Policy *all = NULL;
	int r;

	if (j->policy)
		return generate_policy(j->policy, f);
	r = policy_new_allow(&all);
	return r < 0 ? r : generate_policy(all, f);
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
	r = write_policy(j, f);
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
		r = cache_path(j->builder->config->cache, j->needs, CACHE_SYMVERS, &from);
	return r < 0 ? r : file_copy(from, to);
}

static int populate_image(const Job *j)
{
	const char *kmod = j->builder->sources.kmod;
	_cleanup_free_ char *policy = NULL, *include = NULL, *to = NULL;
	int r;

	if (asprintf(&policy, "%s/policy", kmod) < 0 ||
	    asprintf(&include, "%s/include", kmod) < 0 || asprintf(&to, "%s/include", j->dir) < 0)
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
	const Sources *s = &j->builder->sources;
	_cleanup_free_ char *work = NULL, *proto = NULL, *header = NULL;
	int r;

	if (asprintf(&proto, "%s/proto", j->dir) < 0 ||
	    asprintf(&header, "%s/" SOURCES_HEADER, j->dir) < 0)
		return -ENOMEM;
	r = work_path(j, NULL, &work);
	if (r >= 0)
		r = tree_copy(s->kmod, work);
	if (r >= 0 && mkdir(proto, 0755) < 0)
		r = -errno;
	return r < 0 ? r : file_copy(s->header, header);
}

/* All is written before the user of builds can touch any of it. */
static int populate(Job *j)
{
	const BuilderConfig *c = j->builder->config;
	int r;

	j->uid = c->uid;
	r = cache_make_temporary(c->cache, &j->dir);
	if (r >= 0)
		r = is_core(j) ? populate_core(j) : populate_image(j);
	if (r >= 0 && c->uid)
		r = tree_chown(j->dir, c->uid, c->gid);
	return r;
}

static int run_make(Job *j)
{
	Builder *b = j->builder;
	_cleanup_free_ char *work = NULL, *m = NULL, *cc = NULL, *module = NULL, *symbols = NULL;
	_cleanup_free_ char *fit = NULL;
	int r;

	r = work_path(j, NULL, &work);
	if (r < 0)
		return r;
	if (asprintf(&m, "M=%s", work) < 0 || asprintf(&cc, "CC=%s", b->toolchain.cc) < 0 ||
	    asprintf(&fit, "VK_FIT=%s", j->fit) < 0 ||
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
			       fit,
			       "modules",
			       is_core(j) ? NULL : module,
			       symbols,
			       NULL };
	const SandboxSpec spec = {
		.dir = j->dir,
		.argv = argv,
		.uid = b->config->uid,
		.gid = b->config->gid,
		.timeout = b->config->timeout,
	};

	return sandbox_start(b->event, &spec, on_built, j, &j->sandbox);
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

int kbuild_start(Job *j)
{
	int r;

	if (is_core(j))
		tell_why(j->builder);
	r = populate(j);
	return r < 0 ? r : run_make(j);
}
