/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Profiles of every kind of rule, through the parser and the reader; and packed bytes gone bad. */
#include <stdbool.h>

#include <linux/capability.h>
#include <sys/resource.h>

#include "tests/unit/armor.h"

/* What docker and podman confine containers with. */
static const char docker_default[] =
	"include <tunables/global>\n"
	"profile docker-default flags=(attach_disconnected,mediate_deleted) {\n"
	"  include <abstractions/base>\n"
	"  network,\n  capability,\n  file,\n  umount,\n"
	"  signal (receive) peer=unconfined,\n"
	"  signal (send,receive) peer=docker-default,\n"
	"  deny @{PROC}/* w,\n"
	"  deny @{PROC}/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9/]*}/** w,\n"
	"  deny @{PROC}/sys/[^k]** w,\n"
	"  deny @{PROC}/sys/kernel/{?,??,[^s][^h][^m]**} w,\n"
	"  deny @{PROC}/sysrq-trigger rwklx,\n"
	"  deny @{PROC}/kcore rwklx,\n"
	"  deny mount,\n"
	"  deny /sys/[^f]*/** wklx,\n  deny /sys/f[^s]*/** wklx,\n"
	"  deny /sys/fs/[^c]*/** wklx,\n  deny /sys/fs/c[^g]*/** wklx,\n"
	"  deny /sys/fs/cg[^r]*/** wklx,\n"
	"  deny /sys/firmware/** rwklx,\n  deny /sys/kernel/security/** rwklx,\n"
	"  ptrace (trace,read,tracedby,readby) peer=docker-default,\n"
	"}\n";

/* Something of everything that the format has a field for. */
static const char everything[] =
	"profile all flags=(attach_disconnected,mediate_deleted,complain) {\n"
	"  /bin/x px -> other,\n  /bin/y cx -> child,\n  owner /home/* rw,\n"
	"  audit deny /etc/shadow r,\n  link /a -> /b,\n  change_profile -> other,\n"
	"  set rlimit nofile <= 100,\n  set rlimit cpu <= 5,\n"
	"  capability sys_admin,\n  audit capability chown,\n  deny capability kill,\n"
	"  capability bpf,\n  network inet tcp,\n  mount fstype=proc -> /proc/,\n"
	"  profile child { /k r, }\n  ^hat { /h r, }\n"
	"}\n"
	"profile other { /b r, }\n";

/* The state behind bytes that begin with a class. */
static const struct vk_dfa_state *rule_state(const ArmorProfile *p, const char *bytes, size_t size)
{
	return &p->policy->states[vk_dfa_match(p->policy, p->policy->start, bytes, (uint32_t)size)];
}

/* Its literal may hold NULs. */
#define rule_accept(p, bytes) (rule_state(p, bytes, sizeof(bytes) - 1)->accept)

static void test_docker(void **state)
{
	_cleanup_armor_policy_ ArmorPolicy policy = armor_of(docker_default);
	const ArmorProfile *p = policy.profiles;
	const uint32_t all = ARMOR_ALL & ~(uint32_t)ARMOR_APPEND;

	assert_int_equal(policy.n, 1);
	assert_string_equal(p->name, "docker-default");
	assert_int_equal(p->mode, ARMOR_ENFORCE);
	assert_int_equal(p->path_flags, ARMOR_ATTACH_DISCONNECTED | ARMOR_MEDIATE_DELETED);
	assert_int_equal(p->capabilities.allow, UINT64_MAX);
	assert_int_equal(others_may(p, "/etc/passwd") & all, all);
	/* Links are decided behind the target, and exec implies m. */
	assert_int_equal(others_may(p, "/proc/kcore") & ~(uint32_t)(ARMOR_MMAP | ARMOR_LINK), 0);
	assert_int_equal(others_may(p, "/proc/uptime") & (ARMOR_READ | ARMOR_WRITE), ARMOR_READ);
	assert_true(others_may(p, "/proc/1/comm") & ARMOR_WRITE);
	assert_false(others_may(p, "/proc/sys/vm/swappiness") & ARMOR_WRITE);
	assert_true(others_may(p, "/proc/sys/kernel/shmmax") & ARMOR_WRITE);
	assert_false(owner_may(p, "/sys/firmware/a") & (ARMOR_READ | ARMOR_WRITE));
	assert_true(others_may(p, "/sys/fs/cgroup/a/b") & ARMOR_WRITE);
	/* No more looks at "/usr/..." than this. */
	assert_true(vk_dfa_settled(p->file, vk_dfa_match(p->file, p->file->start, "/u", 2)));
	assert_false(vk_dfa_settled(p->file, vk_dfa_match(p->file, p->file->start, "/p", 2)));
	assert_int_equal(rule_accept(p, "\7/mnt/\0/dev/x\0ext4\0"), 0);
	assert_true(rule_accept(p, "\11docker-default") & ARMOR_READ);
	/* What is left is the base abstraction's: others may trace and read it. */
	assert_false(rule_accept(p, "\11other") & (ARMOR_READ | ARMOR_WRITE));
	assert_true(rule_accept(p, "\16\0\2\0\1"));
}

static void test_everything(void **state)
{
	_cleanup_armor_policy_ ArmorPolicy policy = armor_of(everything);
	const ArmorProfile *p = policy.profiles;

	assert_int_equal(policy.n, 4);
	assert_string_equal(p[0].name, "all");
	assert_string_equal(p[1].name, "all//child");
	assert_string_equal(p[2].name, "all//hat");
	assert_string_equal(p[3].name, "other");
	assert_false(p[0].hat);
	assert_false(p[1].hat);
	assert_true(p[2].hat);
	assert_int_equal(p[0].mode, ARMOR_COMPLAIN);
	assert_int_equal(p[3].mode, ARMOR_ENFORCE);
	assert_int_equal(owner_may(&p[1], "/k"), ARMOR_READ);
	assert_int_equal(owner_may(&p[2], "/h"), ARMOR_READ);
	assert_int_equal(owner_may(&p[3], "/k"), 0);
}

static void test_capabilities(void **state)
{
	_cleanup_armor_policy_ ArmorPolicy policy = armor_of(everything);
	const ArmorCapabilities *c = &policy.profiles[0].capabilities;

	assert_int_equal(c->allow, 1ull << CAP_SYS_ADMIN | 1ull << CAP_CHOWN | 1ull << CAP_BPF);
	assert_int_equal(c->audit, 1ull << CAP_CHOWN);
	assert_int_equal(c->quiet, 1ull << CAP_KILL);
}

static void test_rlimits(void **state)
{
	_cleanup_armor_policy_ ArmorPolicy policy = armor_of(everything);
	const ArmorProfile *p = policy.profiles;

	assert_int_equal(p[0].rlimits_set, 1u << RLIMIT_NOFILE | 1u << RLIMIT_CPU);
	assert_int_equal(p[0].rlimits[RLIMIT_NOFILE], 100);
	assert_int_equal(p[0].rlimits[RLIMIT_CPU], 5);
	assert_int_equal(p[3].rlimits_set, 0);
}

static unsigned int target(uint32_t accept)
{
	return accept >> (ARMOR_EXEC_SHIFT + ARMOR_EXEC_TARGET_SHIFT) & ARMOR_TARGET_MASK;
}

static void test_exec(void **state)
{
	_cleanup_armor_policy_ ArmorPolicy policy =
		armor_of("profile exec {\n/ix ix,\n/px px,\n/cx cx,\n/ux ux,\n/to px -> other,\n"
			 "/pix pix,\n/Px Px,\ndeny /no x,\n}\n");
	const ArmorProfile *p = policy.profiles;
	const uint32_t inherit = ARMOR_EXEC_INHERIT << ARMOR_EXEC_SHIFT;
	const uint32_t unsafe = ARMOR_EXEC_UNSAFE << ARMOR_EXEC_SHIFT;

	assert_int_equal(p->n_transitions, 1);
	assert_string_equal(p->transitions[0], "other");
	assert_true(file_accept(p, "/ix") & inherit);
	assert_int_equal(target(file_accept(p, "/ix")), 0);
	assert_int_equal(target(file_accept(p, "/px")), ARMOR_TARGET_NAME);
	assert_int_equal(target(file_accept(p, "/cx")), ARMOR_TARGET_CHILD);
	assert_int_equal(target(file_accept(p, "/ux")), ARMOR_TARGET_UNCONFINED);
	assert_int_equal(target(file_accept(p, "/to")), ARMOR_TARGET_FIRST);
	assert_int_equal(target(file_accept(p, "/pix")), ARMOR_TARGET_NAME);
	assert_true(file_accept(p, "/pix") & inherit);
	assert_true(file_accept(p, "/px") & unsafe);
	assert_false(file_accept(p, "/Px") & unsafe);
	assert_int_equal(owner_may(p, "/no"), 0);
	assert_int_equal(owner_may(p, "/px") & ARMOR_EXEC, ARMOR_EXEC);
}

static void test_owner_and_link(void **state)
{
	_cleanup_armor_policy_ ArmorPolicy policy =
		armor_of("profile files {\nowner /o r,\n/a w,\ndeny owner /a w,\n/w a,\n/k rk,\n"
			 "/m rm,\nlink subset /l -> /t,\n}\n");
	const ArmorProfile *p = policy.profiles;
	const uint32_t link = vk_dfa_match(p->file, p->file->start, "/l\0/t", 5);

	assert_int_equal(owner_may(p, "/o"), ARMOR_READ);
	assert_int_equal(others_may(p, "/o"), 0);
	assert_int_equal(owner_may(p, "/a"), 0);
	assert_int_equal(others_may(p, "/a"), ARMOR_WRITE | ARMOR_APPEND);
	assert_int_equal(owner_may(p, "/w"), ARMOR_APPEND);
	assert_int_equal(owner_may(p, "/k"), ARMOR_READ | ARMOR_LOCK);
	assert_int_equal(owner_may(p, "/m"), ARMOR_READ | ARMOR_MMAP);
	assert_int_equal(p->file->states[link].accept & ARMOR_ALL, ARMOR_LINK | ARMOR_LOCK);
	assert_int_equal(vk_dfa_match(p->file, p->file->start, "/l\0/u", 5), VK_DFA_NOMATCH);
}

static void test_rules(void **state)
{
	_cleanup_armor_policy_ ArmorPolicy policy =
		armor_of("profile rules {\nnetwork inet tcp,\ndeny network inet raw,\n"
			 "signal (send) set=(hup) peer=x,\nptrace (read) peer=y,\n"
			 "mount fstype=proc proc -> /proc/,\numount /mnt/,\n"
			 "pivot_root /old/ -> /new/,\n}\n");
	const ArmorProfile *p = policy.profiles;

	assert_true(rule_accept(p, "\16\0\2\0\1") & ARMOR_WRITE);
	assert_int_equal(rule_accept(p, "\16\0\2\0\3"), 0);
	assert_true(rule_state(p, "\16\0\2\0\3", 5)->accept2);
	assert_int_equal(rule_accept(p, "\16\0\1\0\1"), 0);
	assert_int_equal(rule_accept(p, "\12\1x"), ARMOR_WRITE);
	assert_int_equal(rule_accept(p, "\12\2x"), 0);
	assert_int_equal(rule_accept(p, "\11y"), ARMOR_READ);
	assert_int_equal(rule_accept(p, "\11x"), 0);
	assert_true(rule_accept(p, "\7/proc/\0proc\0proc\0"));
	assert_int_equal(rule_accept(p, "\7/proc/\0proc\0sysfs\0"), 0);
	assert_true(rule_accept(p, "\7/mnt/"));
	assert_int_equal(rule_accept(p, "\7/mnt2/"), 0);
	/* Every class that the core mediates, or what has no rule would be free. */
	assert_true(armor_mediates(p, ARMOR_CLASS_MOUNT));
	assert_true(armor_mediates(p, ARMOR_CLASS_PTRACE));
	assert_true(armor_mediates(p, ARMOR_CLASS_SIGNAL));
	assert_true(armor_mediates(p, ARMOR_CLASS_NETWORK));
	assert_false(armor_mediates(p, 32));
	assert_null(p->file);
}

static void test_no_rules(void **state)
{
	_cleanup_armor_policy_ ArmorPolicy policy = armor_of("profile none { }\n");
	const ArmorProfile *p = policy.profiles;

	assert_null(p->file);
	assert_int_equal(p->capabilities.allow, 0);
	assert_true(armor_mediates(p, ARMOR_CLASS_NETWORK));
	assert_int_equal(rule_accept(p, "\16\0\2\0\1"), 0);
}

static void test_flags(void **state)
{
	static const struct {
		const char *flags;
		ArmorMode mode;
		uint32_t path_flags;
		bool audit;
	} known[] = {
		{ "attach_disconnected", ARMOR_ENFORCE, ARMOR_ATTACH_DISCONNECTED, false },
		{ "no_attach_disconnected", ARMOR_ENFORCE, 0, false },
		{ "mediate_deleted", ARMOR_ENFORCE, ARMOR_MEDIATE_DELETED, false },
		{ "delegate_deleted", ARMOR_ENFORCE, 0, false },
		{ "chroot_relative", ARMOR_ENFORCE, ARMOR_CHROOT_RELATIVE, false },
		{ "namespace_relative", ARMOR_ENFORCE, 0, false },
		{ "chroot_attach", ARMOR_ENFORCE, ARMOR_CHROOT_ATTACH, false },
		{ "chroot_no_attach", ARMOR_ENFORCE, 0, false },
		{ "enforce", ARMOR_ENFORCE, ARMOR_MEDIATE_DELETED, false },
		{ "complain", ARMOR_COMPLAIN, ARMOR_MEDIATE_DELETED, false },
		{ "kill", ARMOR_KILL, ARMOR_MEDIATE_DELETED, false },
		{ "unconfined", ARMOR_UNCONFINED, ARMOR_MEDIATE_DELETED, false },
		{ "audit", ARMOR_ENFORCE, ARMOR_MEDIATE_DELETED, true },
		{ "kill,audit,attach_disconnected,chroot_relative", ARMOR_KILL,
		  ARMOR_ATTACH_DISCONNECTED | ARMOR_CHROOT_RELATIVE, true },
	};
	char text[128];

	for (size_t i = 0; i < ELEMENTSOF(known); i++) {
		_cleanup_armor_policy_ ArmorPolicy policy = {};
		const ArmorProfile *p;

		snprintf(text, sizeof(text), "profile f flags=(%s) { /x r, }", known[i].flags);
		policy = armor_of(text);
		p = policy.profiles;
		if (p->mode != known[i].mode || p->path_flags != known[i].path_flags ||
		    p->audit_all != known[i].audit)
			fail_msg("%s: mode %d, paths %#x, audit %d", known[i].flags, p->mode,
				 p->path_flags, p->audit_all);
	}
}

static bool sound(const struct vk_dfa *dfa)
{
	if (!dfa)
		return true;
	return vk_dfa_valid(dfa, vk_dfa_size(dfa)) &&
	       vk_dfa_match(dfa, dfa->start, "/\0\377a", 4) < dfa->nr_states;
}

/* Refused with a message, or read into something that can be walked. Returns how many profiles. */
static size_t read_any(const uint8_t *bytes, size_t size)
{
	/* Of exactly its size, so that the sanitizer sees a look behind it. */
	_cleanup_free_ uint8_t *copy = malloc(size ? size : 1);
	_cleanup_armor_policy_ ArmorPolicy policy = {};
	ProfileReport report = {};
	int r;

	memcpy(copy, bytes, size);
	r = armor_unpack(copy, size, &policy, &report);
	assert_int_equal(r < 0, report.error != NULL);
	assert_int_equal(r == 0, policy.n > 0);
	for (size_t i = 0; i < policy.n; i++) {
		assert_true(sound(policy.profiles[i].file));
		assert_true(sound(policy.profiles[i].policy));
	}
	profile_report_done(&report);
	return policy.n;
}

static void test_cut(void **state)
{
	size_t size, whole, found, least = 0;
	_cleanup_free_ uint8_t *packed = packed_of(everything, &size);

	whole = read_any(packed, size);
	assert_int_equal(whole, 4);
	for (size_t n = 0; n < size; n++) {
		/* Only the end of a profile can be that of all. */
		found = read_any(packed, n);
		assert_true(found == 0 || found == least + 1);
		least += found != 0;
	}
	assert_int_equal(least, whole - 1);
}

static void flip_all(const char *text)
{
	size_t size;
	_cleanup_free_ uint8_t *packed = packed_of(text, &size);

	for (size_t i = 0; i < size; i++)
		for (unsigned int bit = 0; bit < 8; bit++) {
			packed[i] ^= (uint8_t)(1u << bit);
			(void)read_any(packed, size);
			packed[i] ^= (uint8_t)(1u << bit);
		}
}

static void test_flipped(void **state)
{
	flip_all(
		"profile small flags=(complain) {\n/a px -> b,\n/[b-d]/** r,\nset rlimit cpu <= 1,\n"
		"capability chown,\n}\n");
}

/* Bytes that are lengths, counts and kinds elsewhere. */
static void test_replaced(void **state)
{
	static const uint8_t values[] = { 0x00, 0x7f, 0xff, 4, 5, 6, 7, 8, 11, 12 };
	size_t size;
	_cleanup_free_ uint8_t *packed = packed_of(everything, &size);

	for (size_t i = 0; i < size; i++) {
		const uint8_t before = packed[i];

		packed[i] = values[i % ELEMENTSOF(values)];
		(void)read_any(packed, size);
		packed[i] = before;
	}
}

static int refused(const void *packed, size_t size, const char *word)
{
	ProfileReport report = {};
	ArmorPolicy policy = {};
	int r = armor_unpack(packed, size, &policy, &report);

	assert_true(r < 0);
	assert_int_equal(policy.n, 0);
	if (!strstr(report.error, word))
		fail_msg("%s, not %s", report.error, word);
	profile_report_done(&report);
	return r;
}

/* The bytes of a literal, which may be NULs, in packed data. */
static uint8_t *find(uint8_t *packed, size_t size, const char *bytes, size_t n)
{
	uint8_t *p = memmem(packed, size, bytes, n);

	assert_non_null(p);
	return p + n;
}
#define find(packed, size, bytes) find(packed, size, bytes, sizeof(bytes) - 1)

static void test_refused(void **state)
{
	size_t size;
	_cleanup_free_ uint8_t *packed =
		packed_of("profile p flags=(chroot_relative) { /x r, }", &size);
	uint8_t *version = find(packed, size, "version\0\2");
	uint8_t *flags = find(packed, size, "flags\0\7\2");
	uint8_t *paths = find(packed, size, "path_flags\0\2");

	for (unsigned int v = 0; v < 16; v++) {
		*version = (uint8_t)v;
		if (v >= 5 && v <= 9)
			assert_int_equal(read_any(packed, size), 1);
		else
			assert_int_equal(refused(packed, size, "version"), -EOPNOTSUPP);
	}
	*version = 7;
	flags[0] = 8;
	assert_int_equal(refused(packed, size, "flag"), -EOPNOTSUPP);
	flags[0] = 0;
	flags[5] = 4;
	assert_int_equal(refused(packed, size, "prompt"), -EOPNOTSUPP);
	flags[5] = 5;
	assert_int_equal(refused(packed, size, "mode"), -EINVAL);
	flags[5] = 0;
	paths[0] |= 1;
	assert_int_equal(refused(packed, size, "flag of paths"), -EOPNOTSUPP);
	paths[0] &= (uint8_t)~1u;
	assert_int_equal(read_any(packed, size), 1);
	assert_int_equal(refused(packed, ARMOR_PACKED_MAX + 1, "larger"), -EFBIG);
	assert_int_equal(refused("", 0, "version"), -EINVAL);
}

static void test_namespace(void **state)
{
	size_t size;
	_cleanup_free_ uint8_t *packed = packed_of("profile :ns:p { /x r, }", &size);

	assert_int_equal(refused(packed, size, "namespace"), -EOPNOTSUPP);
}

static void test_too_many(void **state)
{
	size_t size;
	_cleanup_free_ uint8_t *packed = packed_of("profile p { }", &size);
	_cleanup_free_ uint8_t *all = malloc((ARMOR_PROFILES_MAX + 1) * size);

	for (size_t i = 0; i <= ARMOR_PROFILES_MAX; i++)
		memcpy(all + i * size, packed, size);
	assert_int_equal(read_any(all, ARMOR_PROFILES_MAX * size), ARMOR_PROFILES_MAX);
	assert_int_equal(refused(all, (ARMOR_PROFILES_MAX + 1) * size, "profiles"), -E2BIG);
}

/* A rule that names a target behind the table's end. */
static void test_target(void **state)
{
	size_t size;
	_cleanup_free_ uint8_t *packed = packed_of("profile p { /x px -> a, /y px -> b, }", &size);
	uint8_t *n = find(packed, size, "xtable\0\7\x0b");

	assert_int_equal(n[0], 2);
	n[0] = 1;
	memmove(n + 6, n + 11, size - (size_t)(n + 11 - packed));
	assert_int_equal(refused(packed, size - 5, "transition that a rule names"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_docker),	     cmocka_unit_test(test_everything),
		cmocka_unit_test(test_capabilities), cmocka_unit_test(test_rlimits),
		cmocka_unit_test(test_exec),	     cmocka_unit_test(test_owner_and_link),
		cmocka_unit_test(test_rules),	     cmocka_unit_test(test_no_rules),
		cmocka_unit_test(test_flags),	     cmocka_unit_test(test_cut),
		cmocka_unit_test(test_flipped),	     cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_refused),	     cmocka_unit_test(test_namespace),
		cmocka_unit_test(test_too_many),     cmocka_unit_test(test_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
