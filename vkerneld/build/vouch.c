/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <openssl/crypto.h>

#include "vkerneld/build/signing.h"
#include "vkerneld/build/verify.h"
#include "vkerneld/build/vouch.h"
#include "vkerneld/child.h"
#include "vkerneld/task.h"

#define PROCESSOR_SECONDS_MAX 5
/* What the daemon has is in it. */
#define MEMORY_MAX (512ul << 20)

struct Vouch {
	Task *task;
	sd_event_source *timer;
	SignReport *report; /* the child writes it, so it is not to be trusted */
	VouchDone done;
	void *userdata;
};

/* The child's. */
typedef struct Work {
	const VouchOrder *order;
	SignReport *report;
} Work;

static unsigned int n_vouches;

static int set_limits(void)
{
	int r = child_limit_time(PROCESSOR_SECONDS_MAX);

#ifndef VK_SHADOW_MEMORY /* the sanitizers map terabytes */
	if (r >= 0)
		r = child_limit(RLIMIT_AS, MEMORY_MAX);
#endif
	return r;
}

/* The database is among what it closes, and the kernel's socket. */
static int leave_system(void)
{
	return close_range(3, ~0u, 0) < 0 ? -errno : child_only_compute();
}

static int confine(const VouchOrder *o, SignReport *report)
{
	int r;

	r = child_become(o->uid, o->gid);
	if (r >= 0)
		r = leave_system();
	return r < 0 ? sign_refuse(report, r, "", "confining the child that verifies: %s",
				   strerror(-r))
		     : 0;
}

/* The certificates are root's, and may be for root alone; nothing of the module was read yet. */
static int work(void *arg)
{
	const Work *w = arg;
	_cleanup_(verify_stack_freep) STACK_OF(X509) *trusted = NULL;
	int r;

	/* What the host's openssl.cnf has loaded is for others. */
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	r = set_limits();
	if (r >= 0)
		r = verify_load(w->order->certificates, &trusted, w->report);
	if (r >= 0)
		r = confine(w->order, w->report);
	return r < 0 ? r : verify_module(trusted, w->order->module, w->order->size, w->report);
}

Vouch *vouch_free(Vouch *v)
{
	if (!v)
		return NULL;
	n_vouches--;
	task_free(v->task);
	sd_event_source_disable_unref(v->timer);
	signing_report_freep(&v->report);
	free(v);
	return NULL;
}

static void finish(Vouch *v, const char *name, Failure *f)
{
	v->done(name, f, v->userdata);
	vouch_free(v);
}

/* It goes into JSON, the journal and to terminals. */
static void clean(char *text, size_t size)
{
	text[size - 1] = 0;
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static void read_report(const SignReport *from, SignReport *to)
{
	memcpy(to, from, sizeof(*to));
	clean(to->name, sizeof(to->name));
	clean(to->message, sizeof(to->message));
	clean(to->hint, sizeof(to->hint));
}

static void on_task(int result, void *userdata)
{
	Vouch *v = userdata;
	_cleanup_failure_ Failure f = {};
	SignReport report;

	v->task = NULL;
	read_report(v->report, &report);
	if (result >= 0) {
		finish(v, report.name, NULL);
		return;
	}
	if (!report.message[0])
		snprintf(report.message, sizeof(report.message), "%s",
			 result == -ECANCELED ? "the child that looks at it was stopped or crashed"
					      : strerror(-result));
	fail(&f, result, ERROR_UNSUPPORTED, report.hint[0] ? report.hint : NULL, "%s",
	     report.message);
	finish(v, NULL, &f);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	Vouch *v = userdata;
	_cleanup_failure_ Failure f = {};

	fail(&f, -ETIME, ERROR_UNSUPPORTED, "try again when the host has less to do",
	     "looking at its signature takes more than %d seconds", VOUCH_SECONDS_MAX);
	finish(v, NULL, &f);
	return 0;
}

static int start(Vouch *v, sd_event *event, const VouchOrder *order)
{
	Work w = { .order = order };
	int r;

	v->report = w.report = signing_report_new();
	if (!v->report)
		return -ENOMEM;
	r = sd_event_add_time_relative(event, &v->timer, CLOCK_MONOTONIC,
				       VOUCH_SECONDS_MAX * 1000000ull, 0, on_timeout, v);
	return r < 0 ? r : task_start(event, work, &w, on_task, v, &v->task);
}

int vouch_start(sd_event *event, const VouchOrder *order, VouchDone done, void *userdata,
		Vouch **ret, Failure *f)
{
	Vouch *v;
	int r;

	if (n_vouches >= VOUCHES_MAX)
		return fail(f, -EAGAIN, ERROR_QUEUE_FULL, "try again later",
			    "%u other modules are looked at already", n_vouches);
	v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	n_vouches++;
	v->done = done;
	v->userdata = userdata;
	r = start(v, event, order);
	if (r < 0) {
		vouch_free(v);
		return r;
	}
	*ret = v;
	return 0;
}
