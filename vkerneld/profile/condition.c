/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/profile/condition.h"

#include <limits.h>
#include <string.h>

#include "proto/util.h"
#include "vkerneld/profile/arch.h"

typedef struct Condition {
	/* of each kind: how many are listed, how many of them this target has */
	size_t n_arches, arches, n_caps, caps, n_kernel, kernel;
} Condition;

static bool has_capability(const ProfileTarget *target, const char *name)
{
	const char *const *c = target->capabilities;

	for (; c && *c; c++)
		if (strcmp(*c, name) == 0)
			return true;
	return false;
}

static bool has_arch(const ProfileTarget *target, const char *name)
{
	return arch_from_name(name) == ARCH_X86_64;
}

static int count_list(const Field *list, const ProfileTarget *target,
		      bool (*has)(const ProfileTarget *, const char *), size_t *n, size_t *found)
{
	int r = field_array(list, n);

	for (size_t i = 0; r == 0 && i < *n; i++) {
		Field f = field_at(list, i);
		const char *name = "";

		r = field_string(&f, &name);
		*found += r == 0 && has(target, name);
	}
	return r;
}

/* "4.8" */
static int parse_kernel(const Field *f, const char *text, unsigned int *major, unsigned int *minor)
{
	char *end;
	unsigned long a, b = 0;

	if (strspn(text, "0123456789.") != strlen(text))
		goto bad;
	a = strtoul(text, &end, 10);
	if (end == text || *end != '.')
		goto bad;
	text = end + 1;
	b = strtoul(text, &end, 10);
	if (end == text || *end || a > UINT_MAX || b > UINT_MAX)
		goto bad;
	*major = (unsigned int)a;
	*minor = (unsigned int)b;
	return 0;
bad:
	return field_fail(f, -EINVAL, "must be a kernel version like \"4.8\", not %s",
			  quoted(text, strlen(text)).text);
}

static int count_kernel(const Field *f, const ProfileTarget *target, Condition *c)
{
	unsigned int major = 0, minor = 0;
	const char *text = NULL;
	int r = field_string(f, &text);

	if (r < 0 || !text)
		return r;
	r = parse_kernel(f, text, &major, &minor);
	if (r < 0)
		return r;
	c->n_kernel = 1;
	c->kernel = target->kernel_major > major ||
		    (target->kernel_major == major && target->kernel_minor >= minor);
	return 0;
}

static int read_condition(const Field *f, const ProfileTarget *target, Condition *c)
{
	static const char *const known[] = { "arches", "caps", "minKernel", NULL };
	Field arches, caps, kernel;
	int r;

	*c = (Condition){};
	r = field_object(f);
	if (r < 0 || !f->value)
		return r;
	field_warn_unknown(f, known);
	arches = field_get(f, "arches");
	r = count_list(&arches, target, has_arch, &c->n_arches, &c->arches);
	if (r < 0)
		return r;
	caps = field_get(f, "caps");
	r = count_list(&caps, target, has_capability, &c->n_caps, &c->caps);
	if (r < 0)
		return r;
	kernel = field_get(f, "minKernel");
	return count_kernel(&kernel, target, c);
}

int rule_applies(const Field *rule, const ProfileTarget *target, bool *ret)
{
	Field excludes = field_get(rule, "excludes"), includes = field_get(rule, "includes");
	Condition in, out;
	int r;

	r = read_condition(&excludes, target, &out);
	if (r < 0)
		return r;
	r = read_condition(&includes, target, &in);
	if (r < 0)
		return r;
	*ret = !out.arches && !out.caps && !out.kernel && (in.arches || !in.n_arches) &&
	       in.caps == in.n_caps && in.kernel == in.n_kernel;
	return 0;
}
