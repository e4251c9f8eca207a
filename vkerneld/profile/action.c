/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/profile/action.h"

#include <string.h>

#include "proto/util.h"

/* libseccomp takes no more, though the kernel would take 4095 */
#define ERRNO_MAX 4094

static const struct {
	const char *name;
	uint32_t scmp;
	bool returns; /* takes errnoRet */
} actions[] = {
	{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW, false },
	{ "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0), true },
	{ "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD, false },
	{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS, false },
	{ "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD, false },
	{ "SCMP_ACT_LOG", SCMP_ACT_LOG, false },
	{ "SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY, false },
	{ "SCMP_ACT_TRACE", SCMP_ACT_TRACE(0), true },
	{ "SCMP_ACT_TRAP", SCMP_ACT_TRAP, false },
};

static const struct {
	const char *name;
	enum scmp_compare op;
} operators[] = {
	{ "SCMP_CMP_EQ", SCMP_CMP_EQ }, { "SCMP_CMP_GE", SCMP_CMP_GE },
	{ "SCMP_CMP_GT", SCMP_CMP_GT }, { "SCMP_CMP_LE", SCMP_CMP_LE },
	{ "SCMP_CMP_LT", SCMP_CMP_LT }, { "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
	{ "SCMP_CMP_NE", SCMP_CMP_NE },
};

static int errno_from_name(const Field *f, const char *name, uint64_t *ret)
{
	const char *known;

	for (int e = 1; e <= ERRNO_MAX; e++) {
		known = strerrorname_np(e);
		if (known && strcmp(known, name) == 0) {
			*ret = (uint64_t)e;
			return 0;
		}
	}
	return field_fail(f, -EINVAL, "unknown errno %s", quoted(name, strlen(name)).text);
}

/* errnoRet is a number; containers-common adds the same as a name. */
static int read_errno(const Field *owner, const ActionKeys *keys, bool *given, uint64_t *ret)
{
	Field number = field_get(owner, keys->errno_ret);
	Field word = field_get(owner, keys->errno_name);
	const char *name = NULL;
	uint64_t named = 0;
	int r;

	r = field_uint(&number, ERRNO_MAX, ret);
	if (r < 0)
		return r;
	r = field_string(&word, &name);
	if (r < 0)
		return r;
	*given = number.value || name;
	if (!name)
		return 0;
	r = errno_from_name(&word, name, &named);
	if (r < 0)
		return r;
	if (number.value && named != *ret)
		return field_fail(&word, -EINVAL, "contradicts %s; drop one of them",
				  keys->errno_ret);
	*ret = named;
	return 0;
}

static int check_action(const Field *owner, const ActionKeys *keys, size_t i, Action *ret)
{
	Field errno_ret = field_get(owner, keys->errno_ret);
	uint64_t number = EPERM; /* what the runtimes take if nothing is said */
	bool given = false;
	int r;

	r = read_errno(owner, keys, &given, &number);
	if (r < 0)
		return r;
	if (given && !actions[i].returns)
		return field_fail(&errno_ret, -EINVAL, "%s returns no errno; drop it",
				  actions[i].name);
	ret->given = true;
	ret->notify = actions[i].scmp == SCMP_ACT_NOTIFY;
	ret->scmp = actions[i].scmp | (actions[i].returns ? (uint32_t)number : 0);
	return 0;
}

int read_action(const Field *owner, const ActionKeys *keys, Action *ret)
{
	Field f = field_get(owner, keys->action);
	const char *name = NULL;
	int r;

	*ret = (Action){};
	r = field_string(&f, &name);
	if (r < 0 || !name)
		return r;
	for (size_t i = 0; i < ELEMENTSOF(actions); i++)
		if (strcmp(actions[i].name, name) == 0)
			return check_action(owner, keys, i, ret);
	return field_fail(&f, -EINVAL, "unknown action %s", quoted(name, strlen(name)).text);
}

int read_operator(const Field *f, enum scmp_compare *ret)
{
	const char *name = NULL;
	int r = field_string(f, &name);

	if (r < 0)
		return r;
	if (!name)
		return field_fail(f, -EINVAL, "is missing");
	for (size_t i = 0; i < ELEMENTSOF(operators); i++)
		if (strcmp(operators[i].name, name) == 0) {
			*ret = operators[i].op;
			return 0;
		}
	return field_fail(f, -EINVAL, "unknown operator %s", quoted(name, strlen(name)).text);
}

int refuse_notify(const Field *owner, const char *key)
{
	Field f = field_get(owner, key);

	return field_fail(&f, -EOPNOTSUPP,
			  "SCMP_ACT_NOTIFY can not be enforced by vkernel; use SCMP_ACT_ERRNO");
}
