/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/profile/filter.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "proto/util.h"

/* LOG and KILL_PROCESS; without it libseccomp asks the kernel that the builder runs on. */
#define API_LEVEL 3

static void seccomp_releasep(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

void filter_done(Filter *f)
{
	free(f->code);
	*f = (Filter){};
}

static int add_rule(scmp_filter_ctx ctx, const Rule *rule, ProfileReport *report)
{
	int r = seccomp_rule_add_array(ctx, rule->action, rule->call, rule->n_args, rule->args);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return profile_fail(report, -EINVAL,
				    "syscalls[%u]: libseccomp refuses the rule (%s)", rule->source,
				    strerror(-r));
	return 0;
}

/* This release of libseccomp writes programs to files only. */
static int export(scmp_filter_ctx ctx, Filter *ret)
{
	_cleanup_close_ int fd = memfd_create("filter", MFD_CLOEXEC);
	_cleanup_free_ char *code = NULL;
	struct stat st;
	int r;

	if (fd < 0)
		return -errno;
	r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	code = malloc((size_t)st.st_size + 1);
	if (!code)
		return -ENOMEM;
	if (pread(fd, code, (size_t)st.st_size, 0) != st.st_size)
		return -EIO;
	ret->n = (size_t)st.st_size / sizeof(*ret->code);
	ret->code = (struct sock_filter *)TAKE_PTR(code);
	return 0;
}

int filter_compile(const Rules *rules, Filter *ret, ProfileReport *report)
{
	_cleanup_(seccomp_releasep) scmp_filter_ctx ctx = NULL;
	int r;

	seccomp_api_set(API_LEVEL);
	ctx = seccomp_init(rules->default_action);
	if (!ctx)
		return -ENOMEM;
	if (rules->i386) {
		r = seccomp_arch_add(ctx, SCMP_ARCH_X86);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < rules->n; i++) {
		r = add_rule(ctx, &rules->list[i], report);
		if (r < 0)
			return r;
	}
	r = export(ctx, ret);
	if (r < 0 && r != -ENOMEM)
		return profile_fail(report, r, "libseccomp can not compile the rules: %s",
				    strerror(-r));
	return r;
}
