/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Seccomp profiles, in the format of Docker or of OCI, as the container runtimes read them. */
#include <inttypes.h>
#include <string.h>

#include "proto/util.h"
#include "vkerneld/profile/action.h"
#include "vkerneld/profile/arch.h"
#include "vkerneld/profile/condition.h"
#include "vkerneld/profile/specialise.h"

/* Any index may be repeated, and each condition becomes a rule then. */
#define CONDITIONS_MAX 4096

typedef struct Reader {
	const ProfileTarget *target;
	ProfileReport *report;
	Rules rules;
} Reader;

typedef struct Conditions {
	struct scmp_arg_cmp *list;
	size_t n;
	bool repeated; /* some index is */
} Conditions;

static void conditions_done(Conditions *c)
{
	free(c->list);
}

static void json_putp(json_object **o)
{
	json_object_put(*o);
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

static int refuse_notify(const Field *owner, const char *key)
{
	Field f = field_get(owner, key);

	return field_fail(&f, -EOPNOTSUPP,
			  "SCMP_ACT_NOTIFY can not be enforced by vkernel; use SCMP_ACT_ERRNO");
}

static int read_rule(Reader *reader, const Field *f, size_t i)
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

static int read_arch(const Field *f, enum arch *ret)
{
	const char *name = NULL;
	int r = field_string(f, &name);

	if (r < 0)
		return r;
	*ret = name ? arch_from_name(name) : ARCH_UNKNOWN;
	if (*ret == ARCH_UNKNOWN)
		return field_fail(f, -EINVAL, "unknown architecture %s",
				  name ? quoted(name, strlen(name)).text : "\"\"");
	return 0;
}

/* Of those listed only i386 makes a difference: x86-64 is always in. */
static int read_arch_list(const Field *list, bool *i386)
{
	size_t n = 0;
	enum arch arch;
	int r = field_array(list, &n);

	for (size_t i = 0; r == 0 && i < n; i++) {
		Field f = field_at(list, i);

		r = read_arch(&f, &arch);
		*i386 |= r == 0 && arch == ARCH_I386;
	}
	return r;
}

static int read_arch_map(const Field *map, size_t n, bool *i386)
{
	static const char *const known[] = { "architecture", "subArchitectures", NULL };
	enum arch arch;
	int r;

	for (size_t i = 0; i < n; i++) {
		Field f = field_at(map, i), name, sub;
		bool has_i386 = false;

		r = field_object(&f);
		if (r < 0)
			return r;
		field_warn_unknown(&f, known);
		name = field_get(&f, "architecture");
		r = read_arch(&name, &arch);
		if (r < 0)
			return r;
		sub = field_get(&f, "subArchitectures");
		r = read_arch_list(&sub, &has_i386);
		if (r < 0)
			return r;
		*i386 |= arch == ARCH_X86_64 && has_i386;
	}
	return 0;
}

static int read_arches(Reader *reader, const Field *root)
{
	Field list = field_get(root, "architectures"), map = field_get(root, "archMap");
	size_t n_list = 0, n_map = 0;
	int r;

	r = field_array(&list, &n_list);
	if (r < 0)
		return r;
	r = field_array(&map, &n_map);
	if (r < 0)
		return r;
	if (n_list && n_map)
		return field_fail(root, -EINVAL, "has both architectures and archMap; use one");
	if (n_map)
		return read_arch_map(&map, n_map, &reader->rules.i386);
	return read_arch_list(&list, &reader->rules.i386);
}

static int check_flag(const Field *f)
{
	static const char *const known[] = { "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
					     "SECCOMP_FILTER_FLAG_SPEC_ALLOW" };
	const char *name = "";
	int r = field_string(f, &name);

	if (r < 0)
		return r;
	if (strcmp(name, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV") == 0)
		return field_fail(f, -EOPNOTSUPP,
				  "%s goes with SCMP_ACT_NOTIFY, which vkernel can not enforce",
				  name);
	for (size_t i = 0; i < ELEMENTSOF(known); i++)
		if (strcmp(name, known[i]) == 0)
			return 0;
	return field_fail(f, -EINVAL, "unknown flag %s", quoted(name, strlen(name)).text);
}

static int check_flags(const Field *root)
{
	Field flags = field_get(root, "flags");
	size_t n = 0;
	int r = field_array(&flags, &n);

	for (size_t i = 0; r == 0 && i < n; i++) {
		Field f = field_at(&flags, i);

		r = check_flag(&f);
	}
	return r;
}

static int check_listener(const Field *root)
{
	Field path = field_get(root, "listenerPath"), data = field_get(root, "listenerMetadata");
	const char *text = NULL;
	int r;

	r = field_string(&path, &text);
	if (r < 0)
		return r;
	r = field_string(&data, &text);
	if (r < 0)
		return r;
	if (text)
		field_warn(&path, "nothing in the profile notifies, ignoring");
	return 0;
}

static int read_rules(Reader *reader, const Field *list)
{
	size_t n = 0;
	int r = field_array(list, &n);

	for (size_t i = 0; r == 0 && i < n; i++) {
		Field f = field_at(list, i);

		r = read_rule(reader, &f, i);
	}
	return r;
}

static int read_default(Reader *reader, const Field *root, bool *disabled)
{
	static const ActionKeys keys = { "defaultAction", "defaultErrnoRet", "defaultErrno" };
	Field syscalls = field_get(root, "syscalls");
	size_t n = 0;
	Action action;
	int r;

	r = read_action(root, &keys, &action);
	if (r < 0)
		return r;
	if (action.notify)
		return refuse_notify(root, keys.action);
	r = field_array(&syscalls, &n);
	if (r < 0)
		return r;
	if (!action.given && n)
		return field_fail(root, -EINVAL, "has no defaultAction");
	*disabled = !action.given;
	reader->rules.default_action = action.scmp;
	return 0;
}

static int read_profile(Reader *reader, const Field *root, bool *disabled)
{
	static const char *const known[] = { "defaultAction",
					     "defaultErrnoRet",
					     "defaultErrno",
					     "architectures",
					     "archMap",
					     "flags",
					     "listenerPath",
					     "listenerMetadata",
					     "syscalls",
					     "comment",
					     NULL };
	Field syscalls;
	int r;

	field_warn_unknown(root, known);
	r = read_default(reader, root, disabled);
	if (r < 0)
		return r;
	r = read_arches(reader, root);
	if (r < 0)
		return r;
	r = check_flags(root);
	if (r < 0)
		return r;
	r = check_listener(root);
	if (r < 0)
		return r;
	syscalls = field_get(root, "syscalls");
	return read_rules(reader, &syscalls);
}

/*
 * The C library falls back to older calls on ENOSYS only, so newer calls than the profile knows
 * get that, as from runc, unless the default lets them pass.
 */
static void answer_enosys(const Rules *rules, EntryTable table)
{
	bool permissive = rules->default_action == SCMP_ACT_ALLOW ||
			  rules->default_action == SCMP_ACT_LOG ||
			  (rules->default_action & 0xffff0000u) == SCMP_ACT_TRACE(0);

	if (permissive)
		return;
	for (size_t t = 0; t < VK_NR_TABLES; t++) {
		if (!rules->last[t] || (t == ARCH_I386 && !rules->i386))
			continue;
		for (int i = rules->last[t] + 1; i <= VK_CALL_BEYOND; i++)
			table[t][i] = VK_VERDICT(VK_ERRNO, ENOSYS);
	}
}

static int compile(const Rules *rules, Policy **ret, ProfileReport *report)
{
	_cleanup_(filter_done) Filter filter = {};
	_cleanup_graph_ Graph *g = graph_new();
	EntryTable table;
	int r;

	if (!g)
		return -ENOMEM;
	r = filter_compile(rules, &filter, report);
	if (r < 0)
		return r;
	r = specialise(&filter, g, table, report);
	if (r < 0)
		return r;
	answer_enosys(rules, table);
	r = graph_emit(g, table, ret);
	if (r == -E2BIG)
		return profile_fail(report, r,
				    "more than %d comparisons of arguments; use fewer "
				    "conditions",
				    VK_MAX_NODES);
	return r;
}

static int read_json(Reader *reader, const char *json, size_t size, Policy **ret)
{
	_cleanup_(json_putp) json_object *parsed = NULL;
	Field root = { .report = reader->report };
	bool disabled = false;
	int r;

	if (size > PROFILE_SIZE_MAX)
		return profile_fail(reader->report, -EFBIG, "the profile is larger than %u bytes",
				    PROFILE_SIZE_MAX);
	r = json_parse_strict(json, size, &parsed, reader->report);
	if (r < 0)
		return r;
	root.value = parsed;
	r = read_profile(reader, &root, &disabled);
	if (r < 0)
		return r;
	return disabled ? policy_new_allow(ret) : compile(&reader->rules, ret, reader->report);
}

int profile_read_seccomp(const char *json, size_t size, const ProfileTarget *target, Policy **ret,
			 ProfileReport *report)
{
	Reader reader = { .target = target, .report = report };
	int r = read_json(&reader, json, size, ret);

	rules_done(&reader.rules);
	if (r < 0 && !report->error)
		return profile_fail(report, r, "the profile can not be read: %s", strerror(-r));
	return r;
}
