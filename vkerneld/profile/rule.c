/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/profile/rule.h"

#include <string.h>

#include "proto/util.h"
#include "vkerneld/profile/action.h"
#include "vkerneld/profile/condition.h"

/* Any index may be repeated, and each condition becomes a rule then. */
#define CONDITIONS_MAX 4096

typedef struct Conditions {
	struct scmp_arg_cmp *list;
	size_t n;
	bool repeated; /* some index is */
} Conditions;

static void conditions_done(Conditions *c)
{
	free(c->list);
}

static int read_required_uint(const Field *owner, const char *key, uint64_t max, uint64_t *ret)
{
	Field f = field_get(owner, key);

	if (!f.value)
		return field_fail(&f, -EINVAL, "is missing");
	return field_uint(&f, max, ret);
}

static int read_condition(const Field *f, struct scmp_arg_cmp *ret)
{
	static const char *const known[] = { "index", "value", "valueTwo", "op", NULL };
	Field op = field_get(f, "op"), second = field_get(f, "valueTwo");
	uint64_t index, value, value_two = 0;
	int r;

	if (!f->value)
		return field_fail(f, -EINVAL, "must be of type object, not null");
	r = field_object(f);
	if (r < 0)
		return r;
	field_warn_unknown(f, known);
	r = read_required_uint(f, "index", RULE_ARGS_MAX - 1, &index);
	if (r < 0)
		return r;
	r = read_required_uint(f, "value", UINT64_MAX, &value);
	if (r < 0)
		return r;
	r = field_uint(&second, UINT64_MAX, &value_two);
	if (r < 0)
		return r;
	ret->arg = (unsigned int)index;
	/* For MASKED_EQ these are mask and datum, in libseccomp and in profiles alike. */
	ret->datum_a = value;
	ret->datum_b = value_two;
	return read_operator(&op, &ret->op);
}

static int read_conditions(const Field *rule, Conditions *ret)
{
	Field args = field_get(rule, "args");
	unsigned int seen = 0;
	int r;

	r = field_array(&args, &ret->n);
	if (r < 0 || !ret->n)
		return r;
	if (ret->n > CONDITIONS_MAX)
		return field_fail(&args, -E2BIG, "more than %d conditions", CONDITIONS_MAX);
	ret->list = calloc(ret->n, sizeof(*ret->list));
	if (!ret->list)
		return -ENOMEM;
	for (size_t i = 0; i < ret->n; i++) {
		Field f = field_at(&args, i);

		r = read_condition(&f, &ret->list[i]);
		if (r < 0)
			return r;
		ret->repeated |= (seen & 1u << ret->list[i].arg) != 0;
		seen |= 1u << ret->list[i].arg;
	}
	return 0;
}

static int add_conditions(Reader *reader, Rule *rule, const Conditions *c)
{
	int r = 0;

	if (!c->repeated) {
		rule->n_args = (unsigned int)c->n;
		if (c->n)
			memcpy(rule->args, c->list, c->n * sizeof(*c->list));
		return rules_add(&reader->rules, rule, reader->report);
	}
	rule->n_args = 1;
	for (size_t i = 0; r == 0 && i < c->n; i++) {
		rule->args[0] = c->list[i];
		r = rules_add(&reader->rules, rule, reader->report);
	}
	return r;
}

static void note_last(Rules *rules, const char *name)
{
	static const uint32_t arches[VK_NR_TABLES] = { SCMP_ARCH_X86_64, SCMP_ARCH_X86 };
	int number;

	for (size_t t = 0; t < VK_NR_TABLES; t++) {
		number = seccomp_syscall_resolve_name_arch(arches[t], name);
		if (number > rules->last[t])
			rules->last[t] = number;
	}
}

static int add_name(Reader *reader, const Field *f, Rule *rule, const Conditions *c)
{
	const char *name = json_object_get_string(f->value);
	size_t size = (size_t)json_object_get_string_len(f->value);

	rule->call = strlen(name) == size ? seccomp_syscall_resolve_name(name) : __NR_SCMP_ERROR;
	if (rule->call == __NR_SCMP_ERROR) {
		field_warn(f, "unknown system call %s, ignoring", quoted(name, size).text);
		return 0;
	}
	note_last(&reader->rules, name);
	if (rule->action == reader->rules.default_action)
		return 0;
	return add_conditions(reader, rule, c);
}

static int add_names(Reader *reader, const Field *owner, Rule *rule, const Conditions *c)
{
	Field names = field_get(owner, "names"), name = field_get(owner, "name");
	const char *single = NULL;
	size_t n = 0;
	int r;

	r = field_string(&name, &single);
	if (r < 0)
		return r;
	r = field_array(&names, &n);
	if (r < 0)
		return r;
	if (single && n)
		return field_fail(owner, -EINVAL, "has both name and names; use names");
	if (single)
		return add_name(reader, &name, rule, c);
	if (!names.value)
		return field_fail(&names, -EINVAL, "is missing");
	for (size_t i = 0; i < n; i++) {
		Field f = field_at(&names, i);

		if (!json_object_is_type(f.value, json_type_string))
			return field_fail(&f, -EINVAL, "must be of type string");
		r = add_name(reader, &f, rule, c);
		if (r < 0)
			return r;
	}
	return 0;
}

int read_rule(Reader *reader, const Field *f, size_t i)
{
	static const char *const known[] = { "names", "name",	 "action",   "errnoRet", "errno",
					     "args",  "comment", "includes", "excludes", NULL };
	static const ActionKeys keys = { "action", "errnoRet", "errno" };
	_cleanup_(conditions_done) Conditions conditions = {};
	Rule rule = { .source = (unsigned int)i };
	bool applies;
	Action action;
	int r;

	if (!f->value)
		return field_fail(f, -EINVAL, "must be of type object, not null");
	r = field_object(f);
	if (r < 0)
		return r;
	field_warn_unknown(f, known);
	r = rule_applies(f, reader->target, &applies);
	if (r < 0)
		return r;
	r = read_action(f, &keys, &action);
	if (r < 0)
		return r;
	if (!action.given)
		return field_fail(f, -EINVAL, "has no action");
	r = read_conditions(f, &conditions);
	if (r < 0 || !applies)
		return r;
	if (action.notify)
		return refuse_notify(f, keys.action);
	rule.action = action.scmp;
	return add_names(reader, f, &rule, &conditions);
}
