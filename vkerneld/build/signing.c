/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <openssl/crypto.h>

#include "vkerneld/build/signing.h"
#include "vkerneld/child.h"
#include "vkerneld/task.h"

#define LOCKDOWN "/sys/kernel/security/lockdown"
#define SIG_ENFORCE "/sys/module/module/parameters/sig_enforce"
#define SECONDS_MAX 60

struct Signing {
	Task *task;
	SignReport *report; /* in memory that the child sees, too */
	SigningDone done;
	void *userdata;
};

/* What the child is to do: to sign a file, or only to look at the key. */
typedef struct Order {
	const Signer *signer;
	const char *id, *module;
	SignReport *report;
} Order;

static bool file_begins(const char *path, const char *a, const char *b)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char line[128];

	if (!f || !fgets(line, sizeof(line), f))
		return false;
	return strncmp(line, a, strlen(a)) == 0 || strncmp(line, b, strlen(b)) == 0;
}

/* The parameter tells of CONFIG_MODULE_SIG_FORCE, too. */
bool signing_required(void)
{
	if (file_begins(SIG_ENFORCE, "Y", "1"))
		return true;
	/* "none [integrity] confidentiality": the brackets mark what holds. */
	return access(LOCKDOWN, R_OK) == 0 && !file_begins(LOCKDOWN, "[none]", "[none]");
}

SignReport *signing_report_new(void)
{
	void *p = mmap(NULL, sizeof(SignReport), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void signing_report_freep(SignReport **r)
{
	if (*r)
		munmap(*r, sizeof(**r));
}

static int fail_report(Failure *f, int error, const SignReport *r)
{
	if (!r->message[0])
		return fail(f, error, ERROR_BUILD_FAILED, NULL, "signing a module: %s",
			    error == -ECANCELED ? "the child crashed" : strerror(-error));
	return fail(f, error, ERROR_BUILD_FAILED, r->hint[0] ? r->hint : NULL, "%s", r->message);
}

int signing_identify(const Signer *s, char ret[HASH_HEX_SIZE], Failure *f)
{
	_cleanup_free_ char *certificate = NULL;
	SignReport report = {};
	size_t size;
	int r;

	ret[0] = 0;
	if (!signer_is_set(s))
		return 0;
	r = sign_read_certificate(s, &certificate, &size, &report);
	if (r < 0)
		return fail_report(f, r, &report);
	sign_identify(s, certificate, size, ret);
	return 0;
}

/* Being root is enough to read a file of root's; nothing else of root is needed. */
static int confine(const char *module)
{
	int r = child_limit_time(SECONDS_MAX);

	if (r >= 0)
		r = child_become(0, 0);
	if (r >= 0)
		r = child_keep_files(module);
	return r < 0 ? r : child_leave_network();
}

static int work(void *arg)
{
	const Order *o = arg;
	int r = confine(o->module);

	if (r < 0)
		return sign_refuse(o->report, r, "", "confining the child that signs: %s",
				   strerror(-r));
	/* What the host's openssl.cnf has loaded is for others. */
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	return o->module ? sign_module(o->signer, o->id, o->module, o->report)
			 : sign_check(o->signer, o->report);
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECANCELED;
}

static int run(Order *order, SignReport *ret, Failure *f)
{
	_cleanup_(signing_report_freep) SignReport *report = signing_report_new();
	pid_t pid;
	int r;

	if (!report)
		return -ENOMEM;
	order->report = report;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		child_reset_signals();
		_exit(-work(order) & 0xff);
	}
	r = wait_for(pid);
	if (r < 0)
		return fail_report(f, r, report);
	*ret = *report;
	return 0;
}

int signing_check(const Signer *s, SignReport *ret, Failure *f)
{
	Order order = { .signer = s };
	int r = run(&order, ret, f);

	return r < 0 ? fail_errno(f, r, "looking at the key") : 0;
}

Signing *signing_free(Signing *s)
{
	if (!s)
		return NULL;
	task_free(s->task);
	signing_report_freep(&s->report);
	free(s);
	return NULL;
}

static void on_task(int result, void *userdata)
{
	Signing *s = userdata;
	_cleanup_failure_ Failure f = {};

	s->task = NULL;
	if (result < 0)
		fail_report(&f, result, s->report);
	s->done(result < 0 ? &f : NULL, s->userdata);
	signing_free(s);
}

int signing_start(sd_event *event, const Signer *signer, const char *id, const char *module,
		  SigningDone done, void *userdata, Signing **ret)
{
	Signing *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->done = done;
	s->userdata = userdata;
	s->report = signing_report_new();
	r = s->report ? 0 : -ENOMEM;
	if (r >= 0) {
		Order order = { .signer = signer, .id = id, .module = module, .report = s->report };

		r = task_start(event, work, &order, on_task, s, &s->task);
	}
	if (r < 0) {
		signing_free(s);
		return r;
	}
	*ret = s;
	return 0;
}
