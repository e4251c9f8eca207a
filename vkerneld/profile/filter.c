/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/profile/filter.h"

#include <ctype.h>
#include <string.h>
#include <sys/mman.h>

#include "proto/util.h"
#include "vkerneld/profile/isolate.h"

/* LOG and KILL_PROCESS; without it libseccomp asks the kernel that the builder runs on. */
#define API_LEVEL 3

/* In libseccomp's pseudo code: three a condition, of both words and of i386's one. */
#define COMPARISONS_MAX 4096
#define CHECK_EVERY 64
/* That few rules with conditions need no check. */
#define HARMLESS 16

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
	if (r == -EEXIST)
		return profile_fail(report, -EINVAL,
				    "syscalls[%u]: contradicts an earlier rule on the same values",
				    rule->source);
	if (r < 0)
		return profile_fail(report, -EINVAL,
				    "syscalls[%u]: libseccomp refuses the rule (%s)", rule->source,
				    strerror(-r));
	return 0;
}

/*
 * Rules on several arguments of one call multiply, and libseccomp's code generator takes minutes
 * for what a hostile profile can ask for. Its pseudo code is there at once and has one line for
 * each comparison.
 */
static int check_size(scmp_filter_ctx ctx, ProfileReport *report)
{
	_cleanup_close_ int fd = memfd_create("rules", MFD_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t size, n = 0;
	int r;

	if (fd < 0)
		return -errno;
	r = seccomp_export_pfc(ctx, fd);
	if (r < 0)
		return r;
	r = read_back(fd, &text, &size);
	if (r < 0)
		return r;
	for (const char *p = text; (p = strstr(p, "$a")); p += 2)
		n += isdigit((unsigned char)p[2]) != 0;
	if (n > COMPARISONS_MAX)
		return profile_fail(report, -E2BIG,
				    "more than %d comparisons of arguments; use fewer conditions",
				    COMPARISONS_MAX);
	return 0;
}

static int add_rules(scmp_filter_ctx ctx, const Rules *rules, ProfileReport *report)
{
	size_t conditional = 0;
	int r;

	for (size_t i = 0; i < rules->n; i++) {
		r = add_rule(ctx, &rules->list[i], report);
		if (r < 0)
			return r;
		if (!rules->list[i].n_args || ++conditional % CHECK_EVERY)
			continue;
		r = check_size(ctx, report);
		if (r < 0)
			return r;
	}
	return conditional < HARMLESS ? 0 : check_size(ctx, report);
}

static int compile(const void *arg, int fd, ProfileReport *report)
{
	_cleanup_(seccomp_releasep) scmp_filter_ctx ctx = NULL;
	const Rules *rules = arg;
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
	r = add_rules(ctx, rules, report);
	return r < 0 ? r : seccomp_export_bpf(ctx, fd);
}

/* Isolated, since libseccomp 2.5 loops for ever on as few as two rules. */
int filter_compile(const Rules *rules, Filter *ret, ProfileReport *report)
{
	const Isolation as = { .seconds = PROFILE_SECONDS };
	int r = isolate(&as, compile, rules, (char **)&ret->code, &ret->n, report);

	ret->n /= sizeof(*ret->code);
	return r;
}
