/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Seccomp profiles, in the format of Docker or of OCI, as the container runtimes read them. */
#include <inttypes.h>
#include <string.h>

#include "proto/util.h"
#include "vkerneld/profile/action.h"
#include "vkerneld/profile/arch.h"
#include "vkerneld/profile/isolate.h"
#include "vkerneld/profile/rule.h"
#include "vkerneld/profile/specialise.h"

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
	r = read_arches(root, &reader->rules.i386);
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
	_cleanup_json_ json_object *parsed = NULL;
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

typedef struct Text {
	const char *json;
	size_t size;
	const ProfileTarget *target;
} Text;

static int read_text(const void *arg, int fd, ProfileReport *report)
{
	const Text *text = arg;
	_cleanup_free_ Policy *p = NULL;
	int r = profile_read_seccomp(text->json, text->size, text->target, &p, report);

	return r < 0 ? r : write_out(fd, p, policy_size(p));
}

int profile_read_isolated(const char *json, size_t size, const ProfileTarget *target, uid_t uid,
			  gid_t gid, Policy **ret, ProfileReport *report)
{
	const Isolation as = { .uid = uid, .gid = gid, .seconds = PROFILE_SECONDS };
	const Text text = { json, size, target };
	_cleanup_free_ char *bytes = NULL;
	size_t length;
	int r = isolate(&as, read_text, &text, &bytes, &length, report);

	if (r >= 0 && policy_load(bytes, length, ret) < 0)
		r = -EBADMSG;
	if (r < 0 && !report->error)
		return profile_fail(report, r, "the profile can not be read: %s", strerror(-r));
	return r;
}
