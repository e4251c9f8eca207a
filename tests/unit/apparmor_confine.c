/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Profiles as confinements: what the core would read of them, and what it can not have. */
#include <stdbool.h>

#include <linux/capability.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "tests/unit/armor.h"
#include "vkerneld/apparmor/confine.h"
#include "vkerneld/apparmor/engine.h"

#define SIGNALS_ALL UINT64_MAX
#define TRACE_ALL (VK_MAY_TRACE | VK_MAY_TRACE_READ | VK_MAY_BE_TRACED | VK_MAY_BE_READ)

static const ArmorChoice plain = {};

static struct vk_confinement *confined_by(const char *text, const ArmorChoice *choice,
					  ProfileReport *report)
{
	_cleanup_armor_policy_ ArmorPolicy policy = armor_of(text);
	struct vk_confinement *c = NULL;

	if (armor_confine(&policy, choice, &c, report) < 0)
		fail_msg("%s: %s", text, report->error);
	assert_null(report->error);
	if (c)
		assert_true(vk_confinement_valid(c, c->size));
	return c;
}

static struct vk_confinement *confined(const char *text)
{
	ProfileReport report = {};
	struct vk_confinement *c = confined_by(text, &plain, &report);

	assert_int_equal(report.n_warnings, 0);
	profile_report_done(&report);
	return c;
}

static void assert_refused(const char *text, const ArmorChoice *choice, int error, const char *word)
{
	_cleanup_armor_policy_ ArmorPolicy policy = armor_of(text);
	struct vk_confinement *c = NULL;
	ProfileReport report = {};
	int r = armor_confine(&policy, choice, &c, &report);

	assert_null(c);
	if (r != error || !strstr(report.error, word))
		fail_msg("%s: %d, %s", text, r, report.error);
	profile_report_done(&report);
}

static uint32_t may(const struct vk_confinement *c, const char *path, int owner)
{
	const struct vk_dfa *dfa = vk_confinement_file(c);

	return vk_file_allowed(dfa, vk_dfa_match_string(dfa, dfa->start, path), owner);
}

static bool signal_in(const __u64 *set, int sig)
{
	return set[sig / 64] >> sig % 64 & 1;
}

static void files(void **state)
{
	_cleanup_free_ struct vk_confinement *c = confined(
		"profile f {\n/r r,\nowner /o rw,\n/x ix,\nlink /l -> /t,\ndeny /x w,\n}\n");
	const struct vk_dfa *dfa = vk_confinement_file(c);
	uint32_t target = vk_dfa_match(dfa, dfa->start, "/l\0/t", 5);

	assert_string_equal(vk_confinement_label(c), "f");
	assert_int_equal(may(c, "/r", 0), VK_MAY_READ);
	assert_int_equal(may(c, "/o", 1), VK_MAY_READ | VK_MAY_WRITE | VK_MAY_APPEND);
	assert_int_equal(may(c, "/o", 0), 0);
	assert_int_equal(may(c, "/x", 0) & VK_MAY_EXEC, VK_MAY_EXEC);
	assert_true(vk_file_quiet(dfa, vk_dfa_match_string(dfa, dfa->start, "/x"), 0) &
		    VK_MAY_WRITE);
	assert_true(vk_file_allowed(dfa, target, 1) & VK_MAY_LINK);
	/* How programs are executed is none of the core's business. */
	for (uint32_t i = 0; i < dfa->nr_states; i++)
		assert_false(dfa->states[i].accept &
			     ~(VK_MAY_MASK | (uint32_t)VK_MAY_MASK << VK_OTHER_SHIFT));
}

static void nothing_is_permitted_without_a_rule(void **state)
{
	_cleanup_free_ struct vk_confinement *c = confined("profile none { }");

	assert_int_equal(c->mediates, VK_CLASS_ALL & ~VK_CLASS_BIT(VK_CLASS_RLIMIT));
	assert_null(vk_confinement_file(c));
	assert_int_equal(c->capabilities, 0);
	for (size_t f = 0; f < VK_NR_FAMILIES; f++)
		assert_int_equal(c->sockets[f], 0);
	assert_int_equal(c->own.trace | c->host.trace, 0);
	assert_int_equal(c->own.send[0] | c->own.receive[0] | c->host.receive[0], 0);
}

static void capabilities(void **state)
{
	_cleanup_free_ struct vk_confinement *c =
		confined("profile c {\ncapability chown,\naudit capability bpf,\n"
			 "deny capability kill,\n}\n");

	assert_int_equal(c->capabilities, 1ull << CAP_CHOWN | 1ull << CAP_BPF);
	assert_int_equal(c->capabilities_audit, 1ull << CAP_BPF);
	assert_int_equal(c->capabilities_quiet, 1ull << CAP_KILL);
	assert_int_equal(c->flags, VK_CONFINE_MEDIATE_DELETED | VK_CONFINE_AUDITS);
}

static void sockets(void **state)
{
	_cleanup_free_ struct vk_confinement *c =
		confined("profile s {\nnetwork inet tcp,\nnetwork unix,\naudit network netlink,\n"
			 "deny network packet raw,\n}\n");

	assert_int_equal(c->sockets[AF_INET], 1u << SOCK_STREAM);
	assert_int_equal(c->sockets[AF_INET6], 0);
	assert_true(c->sockets[AF_UNIX] & 1u << SOCK_DGRAM);
	assert_true(c->sockets[AF_UNIX] & 1u << SOCK_SEQPACKET);
	assert_int_equal(c->sockets_audit[AF_UNIX], 0);
	assert_true(c->sockets[AF_NETLINK] & c->sockets_audit[AF_NETLINK] & 1u << SOCK_RAW);
	assert_false(c->sockets[AF_PACKET] & 1u << SOCK_RAW);
	assert_true(c->sockets_quiet[AF_PACKET] & 1u << SOCK_RAW);
	assert_true(c->flags & VK_CONFINE_AUDITS);
}

static void peers(void **state)
{
	_cleanup_free_ struct vk_confinement *c = confined(
		"profile p {\nsignal (send) set=(hup) peer=p,\n"
		"signal (receive) peer=unconfined,\nsignal (send) set=(rtmin+30) peer=other,\n"
		"signal (send) set=(exists) peer=unconfined,\n"
		"ptrace (read) peer=p,\nptrace (tracedby) peer=unconfined,\n}\n");
	const struct vk_dfa *dfa = vk_confinement_other(c);

	assert_int_equal(c->own.send[0], 1ull << SIGHUP);
	assert_int_equal(c->own.receive[0], 0);
	assert_int_equal(c->host.send[0], 1);
	assert_int_equal(c->host.receive[0], SIGNALS_ALL);
	assert_int_equal(c->host.receive[1], 1);
	assert_int_equal(c->own.trace, VK_MAY_TRACE_READ);
	assert_int_equal(c->host.trace, VK_MAY_BE_TRACED);
	/* What is not worked out beforehand is for the walk. */
	assert_true(dfa->states[vk_signal_state(dfa, 62, "other")].accept & VK_MAY_SEND);
	assert_false(dfa->states[vk_signal_state(dfa, 61, "other")].accept & VK_MAY_SEND);
}

static void limits(void **state)
{
	_cleanup_free_ struct vk_confinement *c =
		confined("profile l {\nset rlimit nofile <= 100,\n}\n");

	assert_true(c->mediates & VK_CLASS_BIT(VK_CLASS_RLIMIT));
	assert_int_equal(c->rlimits_set, 1u << RLIMIT_NOFILE);
	assert_int_equal(c->rlimits[RLIMIT_NOFILE], 100);
}

static void modes(void **state)
{
	static const struct {
		const char *flags;
		uint32_t wanted;
	} known[] = {
		{ "enforce", VK_CONFINE_MEDIATE_DELETED },
		{ "complain", VK_CONFINE_MEDIATE_DELETED | VK_CONFINE_COMPLAIN },
		{ "kill", VK_CONFINE_MEDIATE_DELETED | VK_CONFINE_KILL },
		{ "attach_disconnected", VK_CONFINE_ATTACH_DISCONNECTED },
		{ "chroot_relative", VK_CONFINE_CHROOT_RELATIVE },
		{ "audit", VK_CONFINE_MEDIATE_DELETED | VK_CONFINE_AUDITS },
	};
	char text[128];

	for (size_t i = 0; i < ELEMENTSOF(known); i++) {
		_cleanup_free_ struct vk_confinement *c = NULL;

		snprintf(text, sizeof(text), "profile m flags=(%s) { /x r, }", known[i].flags);
		c = confined(text);
		if (c->flags != known[i].wanted)
			fail_msg("%s: %#x", known[i].flags, c->flags);
	}
}

static void audit_flag(void **state)
{
	_cleanup_free_ struct vk_confinement *c =
		confined("profile a flags=(audit) {\n/x r,\nnetwork,\ncapability kill,\n}\n");
	const struct vk_dfa *dfa = vk_confinement_file(c);
	uint32_t at = vk_dfa_match_string(dfa, dfa->start, "/x");

	assert_true(vk_file_audited(dfa, at, 0) & VK_MAY_READ);
	assert_true(vk_file_audited(dfa, at, 1) & VK_MAY_READ);
	assert_int_equal(c->sockets_audit[AF_INET], UINT16_MAX);
	assert_int_equal(c->capabilities_audit, UINT64_MAX);
}

static void unconfined(void **state)
{
	assert_null(confined("profile u flags=(unconfined) { /x px, }"));
}

static void other_profiles_are_refused(void **state)
{
	static const struct {
		const char *rule, *path;
	} rules[] = {
		{ "/px px", "\"/px\"" },	 { "/bin/to px -> other", "\"/bin/to\"" },
		{ "/pix pix", "\"/pix\"" },	 { "/cx cx", "\"/cx\"" },
		{ "/ux ux", "\"/ux\"" },	 { "/Pux Pux", "\"/Pux\"" },
		{ "owner /own px", "\"/own\"" }, { "/bin/** px", "\"/bin/" },
	};
	const ArmorChoice inherit = { .exec_inherit = true };
	char text[128];

	for (size_t i = 0; i < ELEMENTSOF(rules); i++) {
		_cleanup_free_ struct vk_confinement *c = NULL;
		ProfileReport report = {};

		snprintf(text, sizeof(text), "profile p {\n/a ix,\n%s,\n}\n", rules[i].rule);
		assert_refused(text, &plain, -EOPNOTSUPP, rules[i].path);
		c = confined_by(text, &inherit, &report);
		assert_int_equal(report.n_warnings, 1);
		assert_non_null(strstr(report.warnings[0], rules[i].path));
		profile_report_done(&report);
	}
}

static void taken_as_ix(void **state)
{
	_cleanup_free_ struct vk_confinement *c = NULL;
	const ArmorChoice inherit = { .exec_inherit = true };
	ProfileReport report = {};

	c = confined_by("profile p {\n/px px,\nowner /own ux,\ndeny /no x,\n}\n", &inherit,
			&report);
	profile_report_done(&report);
	assert_int_equal(may(c, "/px", 0) & VK_MAY_EXEC, VK_MAY_EXEC);
	assert_int_equal(may(c, "/own", 1) & VK_MAY_EXEC, VK_MAY_EXEC);
	assert_int_equal(may(c, "/own", 0), 0);
	assert_int_equal(may(c, "/no", 0), 0);
}

static void which_one(void **state)
{
	static const char two[] = "profile a { /a r, }\nprofile b {\n/b r,\n^hat { /h r, }\n}\n";
	const ArmorChoice b = { .profile = "b" }, hat = { .profile = "b//hat" },
			  none = { .profile = "c" };
	_cleanup_free_ struct vk_confinement *c = NULL, *h = NULL;
	ProfileReport report = {};

	assert_refused(two, &plain, -EINVAL, "the profiles \"a\", \"b\": name one");
	assert_refused(two, &none, -ENOENT, "no profile \"c\"");
	c = confined_by(two, &b, &report);
	assert_string_equal(vk_confinement_label(c), "b");
	assert_int_equal(report.n_warnings, 1);
	assert_non_null(strstr(report.warnings[0], "b//hat"));
	profile_report_done(&report);
	h = confined_by(two, &hat, &report);
	assert_int_equal(may(h, "/h", 0), VK_MAY_READ);
	assert_int_equal(report.n_warnings, 0);
}

static void change_profile(void **state)
{
	_cleanup_free_ struct vk_confinement *c = NULL;
	ProfileReport report = {};

	c = confined_by("profile p {\nchange_profile -> q,\n/x r,\n}\n", &plain, &report);
	assert_int_equal(report.n_warnings, 1);
	assert_non_null(strstr(report.warnings[0], "change_profile"));
	profile_report_done(&report);
}

static void flags_are_refused(void **state)
{
	assert_refused("profile p flags=(chroot_attach,chroot_relative) { /x r, }", &plain,
		       -EOPNOTSUPP, "chroot_attach");
}

static void disconnected_is_refused(void **state)
{
	_cleanup_armor_policy_ ArmorPolicy policy = armor_of("profile p { /x r, }");
	struct vk_confinement *c = NULL;
	ProfileReport report = {};

	policy.profiles[0].disconnected = strdup("/elsewhere");
	assert_int_equal(armor_confine(&policy, &plain, &c, &report), -EOPNOTSUPP);
	assert_non_null(strstr(report.error, "attach_disconnected.path"));
	profile_report_done(&report);
}

static void in_a_policy(void **state)
{
	_cleanup_free_ struct vk_confinement *a = confined("profile a {\ncapability chown,\n}\n"),
					     *b = confined("profile b {\ncapability,\n/x r,\n}\n");
	_cleanup_free_ Policy *p = NULL;

	assert_int_equal(policy_new_allow(&p), 0);
	assert_int_equal(policy_confine(&p, a), 0);
	assert_int_equal(policy_confine(&p, b), 0);
	assert_true(vk_confinements_valid(p));
	assert_int_equal(p->capabilities, 1ull << CAP_CHOWN);
}

static void check_engine(const char *name)
{
	_cleanup_free_ struct vk_confinement *c = NULL;
	_cleanup_free_ char *text = NULL;

	assert_int_equal(engine_profile(name, &text), 0);
	c = confined(text);
	assert_string_equal(vk_confinement_label(c), name);
	assert_int_equal(c->flags, VK_CONFINE_ATTACH_DISCONNECTED | VK_CONFINE_MEDIATE_DELETED);
	assert_int_equal(c->mediates, VK_CLASS_ALL & ~VK_CLASS_BIT(VK_CLASS_RLIMIT));
	assert_int_equal(c->capabilities, UINT64_MAX);
	assert_int_equal(c->sockets[AF_INET] & 1u << SOCK_RAW, 1u << SOCK_RAW);
	assert_int_equal(c->own.send[0] & c->own.receive[0], SIGNALS_ALL);
	assert_int_equal(c->host.receive[0], SIGNALS_ALL);
	assert_false(signal_in(c->host.send, SIGKILL));
	assert_int_equal(c->own.trace, TRACE_ALL);
	assert_int_equal(c->host.trace, VK_MAY_BE_TRACED | VK_MAY_BE_READ);
	assert_true(may(c, "/etc/passwd", 0) & VK_MAY_WRITE);
	assert_true(may(c, "/bin/sh", 0) & VK_MAY_EXEC);
	assert_false(may(c, "/proc/sysrq-trigger", 1) & (VK_MAY_READ | VK_MAY_WRITE));
	assert_false(may(c, "/proc/uptime", 1) & VK_MAY_WRITE);
	assert_true(may(c, "/proc/1/comm", 1) & VK_MAY_WRITE);
	assert_true(may(c, "/proc/sys/kernel/shmmax", 1) & VK_MAY_WRITE);
	assert_false(may(c, "/proc/sys/kernel/core_pattern", 1) & VK_MAY_WRITE);
	assert_false(may(c, "/sys/kernel/security/a", 1) & VK_MAY_READ);
	assert_true(may(c, "/sys/fs/cgroup/a", 1) & VK_MAY_WRITE);
}

static void engines(void **state)
{
	static const char *const unknown[] = { "",
					       "nginx",
					       "docker-default ",
					       "docker-default2",
					       "containers-default-{}",
					       "containers-default-a b",
					       "containers-default-\n" };
	char *text = NULL;

	check_engine("docker-default");
	check_engine("containers-default-0.57.4");
	check_engine("cri-containerd.apparmor.d");
	for (size_t i = 0; i < ELEMENTSOF(unknown); i++) {
		assert_int_equal(engine_profile(unknown[i], &text), -ENOENT);
		assert_null(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
		cmocka_unit_test(nothing_is_permitted_without_a_rule),
		cmocka_unit_test(capabilities),
		cmocka_unit_test(sockets),
		cmocka_unit_test(peers),
		cmocka_unit_test(limits),
		cmocka_unit_test(modes),
		cmocka_unit_test(audit_flag),
		cmocka_unit_test(unconfined),
		cmocka_unit_test(other_profiles_are_refused),
		cmocka_unit_test(taken_as_ix),
		cmocka_unit_test(which_one),
		cmocka_unit_test(change_profile),
		cmocka_unit_test(flags_are_refused),
		cmocka_unit_test(disconnected_is_refused),
		cmocka_unit_test(in_a_policy),
		cmocka_unit_test(engines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
