/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/profile/filter.h"

#include <ctype.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "proto/util.h"

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
	if (r < 0)
		return profile_fail(report, -EINVAL,
				    "syscalls[%u]: libseccomp refuses the rule (%s)", rule->source,
				    strerror(-r));
	return 0;
}

typedef int Exporter(const scmp_filter_ctx ctx, int fd);

/* This release of libseccomp writes to files only. *ret is text with a NUL behind it. */
static int export(scmp_filter_ctx ctx, Exporter *exporter, char **ret, size_t *ret_size)
{
	_cleanup_close_ int fd = memfd_create("filter", MFD_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	int r;

	if (fd < 0)
		return -errno;
	r = exporter(ctx, fd);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	if (pread(fd, text, (size_t)st.st_size, 0) != st.st_size)
		return -EIO;
	text[st.st_size] = '\0';
	*ret = TAKE_PTR(text);
	*ret_size = (size_t)st.st_size;
	return 0;
}

/*
 * Rules on several arguments of one call multiply, and libseccomp's code generator takes minutes
 * for what a hostile profile can ask for. Its pseudo code is there at once and has one line for
 * each comparison.
 */
static int check_size(scmp_filter_ctx ctx, ProfileReport *report)
{
	_cleanup_free_ char *text = NULL;
	size_t size, n = 0;
	int r = export(ctx, seccomp_export_pfc, &text, &size);

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
	r = add_rules(ctx, rules, report);
	if (r < 0)
		return r;
	r = export(ctx, seccomp_export_bpf, (char **)&ret->code, &ret->n);
	ret->n /= sizeof(*ret->code);
	return r;
}
