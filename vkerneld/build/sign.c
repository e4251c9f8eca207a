/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <unistd.h>

#include "vkerneld/build/sign.h"

#define LOCKDOWN "/sys/kernel/security/lockdown"
#define SIG_ENFORCE "/sys/module/module/parameters/sig_enforce"

typedef struct Signing {
	char *program, *hash;
	const char *module, *key, *cert;
} Signing;

static void signing_done(Signing *s)
{
	free(s->program);
	free(s->hash);
}

static bool file_begins(const char *path, const char *a, const char *b)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char line[128];

	if (!f || !fgets(line, sizeof(line), f))
		return false;
	return strncmp(line, a, strlen(a)) == 0 || strncmp(line, b, strlen(b)) == 0;
}

bool sign_required(const Toolchain *t)
{
	if (file_begins(SIG_ENFORCE, "Y", "1") || toolchain_config(t, "MODULE_SIG_FORCE"))
		return true;
	/* "none [integrity] confidentiality": the brackets mark what holds. */
	return access(LOCKDOWN, R_OK) == 0 && !file_begins(LOCKDOWN, "[none]", "[none]");
}

static int run(void *arg)
{
	const Signing *s = arg;

	execl(s->program, s->program, s->hash, s->key, s->cert, s->module, (char *)NULL);
	return -errno;
}

int sign_start(sd_event *event, const Toolchain *t, const char *module, const char *key,
	       const char *cert, TaskDone done, void *userdata, Task **ret)
{
	_cleanup_(signing_done) Signing s = { .module = module, .key = key, .cert = cert };

	s.hash = toolchain_config_string(t, "MODULE_SIG_HASH");
	if (!s.hash)
		s.hash = strdup("sha256");
	if (!s.hash || asprintf(&s.program, "%s/scripts/sign-file", t->headers) < 0) {
		s.program = NULL;
		return -ENOMEM;
	}
	return task_start(event, run, &s, done, userdata, ret);
}
