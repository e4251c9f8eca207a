/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Masked and read-only paths of a configuration, alone and folded into a profile. */
#include <stdbool.h>

#include "tests/unit/armor.h"
#include "vkerneld/apparmor/confine.h"
#include "vkerneld/apparmor/engine.h"
#include "vkerneld/profile/mask.h"

#define MAY_CHANGE (VK_MAY_WRITE | VK_MAY_APPEND | VK_MAY_LINK)
#define MAY_USE (VK_MAY_MASK & ~MAY_CHANGE)
#define FLAGS (VK_FILE_MASKED | VK_FILE_KEPT)
#define RANDOM_PATHS 200000
#define SEED 20261124

/* What Docker has in each configuration. */
#define MASKED                                                                                      \
	"[\"/proc/asound\",\"/proc/acpi\",\"/proc/interrupts\",\"/proc/kcore\",\"/proc/keys\","     \
	"\"/proc/latency_stats\",\"/proc/timer_list\",\"/proc/timer_stats\",\"/proc/sched_debug\"," \
	"\"/proc/scsi\",\"/sys/firmware\",\"/sys/devices/virtual/powercap\"]"
#define READONLY "[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\",\"/proc/sysrq-trigger\"]"

static json_object *paths(const char *text)
{
	json_object *array = text ? json_tokener_parse(text) : NULL;

	assert_true(!text || array);
	return array;
}

static int try_masks(const char *masked, const char *readonly, struct vk_confinement **ret)
{
	json_object *m = paths(masked), *r = paths(readonly);
	const char *path = NULL;
	int result = mask_confinement(m, r, ret, &path);

	json_object_put(m);
	json_object_put(r);
	if (*ret)
		assert_true(vk_confinement_valid(*ret, (*ret)->size));
	return result;
}

static struct vk_confinement *masks(const char *masked, const char *readonly)
{
	struct vk_confinement *c;

	assert_int_equal(try_masks(masked, readonly, &c), 0);
	return c;
}

static struct vk_confinement *profile(const char *text)
{
	_cleanup_armor_policy_ ArmorPolicy policy = armor_of(text);
	struct vk_confinement *c = NULL;
	ProfileReport report = {};

	if (armor_confine(&policy, &(ArmorChoice){}, &c, &report) < 0)
		fail_msg("%s: %s", text, report.error);
	profile_report_done(&report);
	return c;
}

static uint32_t accept(const struct vk_confinement *c, const char *path, size_t size)
{
	const struct vk_dfa *dfa = vk_confinement_file(c);

	return dfa->states[vk_dfa_match(dfa, dfa->start, path, (uint32_t)size)].accept;
}

static void assert_may(const struct vk_confinement *c, const char *path, uint32_t may)
{
	const uint32_t said = accept(c, path, strlen(path));

	if ((said & VK_MAY_MASK) != may || (said >> VK_OTHER_SHIFT & VK_MAY_MASK) != may)
		fail_msg("%s: %#x", path, said);
}

static void what_is_masked_and_what_is_not(void **state)
{
	_cleanup_free_ struct vk_confinement *c = masks(MASKED, READONLY);
	static const char *const masked[] = { "/proc/kcore", "/proc/acpi", "/proc/acpi/x",
					      "/sys/firmware/efi/vars" };
	static const char *const readonly[] = { "/proc/sys", "/proc/sys/", "/proc/sys/kernel/x",
						"/proc/sysrq-trigger", "/proc/acpi/" };
	static const char *const others[] = { "/",
					      "/proc",
					      "/proc/",
					      "/proc/kcor",
					      "/proc/kcores",
					      "/proc/sysrq-trigge",
					      "/proc/1/maps",
					      "/sys/firmwares/x",
					      "/etc/passwd" };

	for (size_t i = 0; i < ELEMENTSOF(masked); i++)
		assert_may(c, masked[i], 0);
	for (size_t i = 0; i < ELEMENTSOF(readonly); i++)
		assert_may(c, readonly[i], MAY_USE);
	for (size_t i = 0; i < ELEMENTSOF(others); i++)
		assert_may(c, others[i], VK_MAY_MASK);
	assert_string_equal(vk_confinement_label(c), MASK_LABEL);
	assert_int_equal(c->mediates, VK_CLASS_BIT(VK_CLASS_FILE));
}

/* Only the name itself is covered by the null device. */
static void only_files_are_covered(void **state)
{
	_cleanup_free_ struct vk_confinement *c = masks("[\"/a\"]", "[\"/b\"]");

	assert_int_equal(accept(c, "/a", 2), FLAGS);
	assert_int_equal(accept(c, "/a/", 3) & VK_FILE_MASKED, 0);
	assert_int_equal(accept(c, "/a/a", 4), VK_FILE_KEPT);
	assert_int_equal(accept(c, "/b", 2) & VK_FILE_MASKED, 0);
}

static void none_of_them_may_have_another_name(void **state)
{
	_cleanup_free_ struct vk_confinement *c = masks("[\"/a\"]", "[\"/b\"]");
	static const char *const kept[] = { "/a", "/a/", "/a/x", "/b", "/b/", "/b/x" };

	for (size_t i = 0; i < ELEMENTSOF(kept); i++)
		assert_true(accept(c, kept[i], strlen(kept[i])) & VK_FILE_KEPT);
	assert_false(accept(c, "/c", 2) & VK_FILE_KEPT);
	assert_false(accept(c, "/ab", 3) & VK_FILE_KEPT);
}

static void links(void **state)
{
	_cleanup_free_ struct vk_confinement *c = masks("[\"/a\"]", "[\"/b\"]");

	assert_int_equal(accept(c, "/l\0/t", 5) & VK_MAY_MASK, VK_MAY_LINK | VK_MAY_LINK_SUBSET);
	assert_int_equal(accept(c, "/a\0/t", 5), 0);
	assert_int_equal(accept(c, "/b\0/t", 5), 0);
	assert_int_equal(accept(c, "/b/x\0/t", 7), 0);
}

static void one_within_the_other(void **state)
{
	_cleanup_free_ struct vk_confinement *c =
		masks("[\"/r/m\",\"/m\",\"/both\"]", "[\"/r\",\"/m/r\",\"/both\"]");

	assert_may(c, "/r/x", MAY_USE);
	assert_may(c, "/r/mx", MAY_USE);
	assert_may(c, "/r/m", 0);
	assert_may(c, "/r/m/", MAY_USE);
	assert_may(c, "/r/m/x", 0);
	assert_may(c, "/m/r", 0);
	assert_may(c, "/m/r/x", 0);
	assert_may(c, "/m/x", 0);
	assert_may(c, "/both", 0);
}

static void paths_are_taken_as_they_are_meant(void **state)
{
	_cleanup_free_ struct vk_confinement *c =
		masks("[\"//a/./b/../c//\",\"/../d\",\"/e/..f\"]", NULL);
	struct vk_confinement *none;

	assert_may(c, "/a/c", 0);
	assert_may(c, "/a/b", VK_MAY_MASK);
	assert_may(c, "/d", 0);
	assert_may(c, "/e/..f", 0);
	assert_null(masks(NULL, NULL));
	assert_null(masks("[]", "[]"));
	assert_int_equal(try_masks("[\"\"]", NULL, &none), -EINVAL);
	assert_int_equal(try_masks("[\"a\"]", NULL, &none), -EINVAL);
	assert_int_equal(try_masks("[\"/\"]", NULL, &none), -EINVAL);
	assert_int_equal(try_masks(NULL, "[\"/a/..\"]", &none), -EINVAL);
}

static Policy *policy_of(const struct vk_confinement *const *confinements, size_t n)
{
	Policy *p;

	assert_int_equal(policy_new_allow(&p), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(policy_confine(&p, confinements[i]), 0);
	return p;
}

static Policy *folded(const struct vk_confinement *first, const struct vk_confinement *second)
{
	const struct vk_confinement *both[] = { first, second };
	Policy *p = policy_of(both, ELEMENTSOF(both));

	assert_int_equal(policy_fold_masks(&p), 0);
	assert_true(vk_confinements_valid(p));
	return p;
}

static size_t count(const Policy *p)
{
	const struct vk_confinement *c;
	size_t n = 0;

	vk_for_each_confinement(c, p)
		n++;
	return n;
}

static char random_byte(uint64_t *random)
{
	static const char bytes[] = "/abckoprsy1-";

	*random = *random * 6364136223846793005u + 1442695040888963407u;
	return bytes[(*random >> 33) % sizeof(bytes)]; /* its NUL too */
}

static size_t random_path(uint64_t *random, char *path, size_t size)
{
	static const char *const starts[] = { "/proc/",		 "/proc/sys",
					      "/proc/acpi",	 "/sys/firmware",
					      "/sys/fs/cgroup/", "/",
					      "/proc/kcore",	 "/tmp/" };
	const char *start = starts[(*random >> 40) % ELEMENTSOF(starts)];
	size_t n = strlen(start), end = n + (*random >> 50) % (size - n);

	memcpy(path, start, n);
	while (n < end)
		path[n++] = random_byte(random);
	return n;
}

static void assert_both(const struct vk_confinement *both, const struct vk_confinement *profile,
			const struct vk_confinement *masks)
{
	uint64_t random = SEED;
	char path[24];

	for (size_t i = 0; i < RANDOM_PATHS; i++) {
		const size_t n = random_path(&random, path, sizeof(path));
		const uint32_t masked = accept(masks, path, n);
		const uint32_t want = (accept(profile, path, n) & masked) | (masked & FLAGS);
		const uint32_t got = accept(both, path, n);

		/* Where the profile does not match at all, nothing covers it either. */
		if (got != want && !(!(want & ~FLAGS) && !got))
			fail_msg("%.*s: %#x, not %#x", (int)n, path, got, want);
	}
}

static void a_folded_profile_is_both(void **state)
{
	_cleanup_free_ struct vk_confinement *m = masks(MASKED, READONLY), *p = NULL;
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ Policy *policy = NULL;
	const struct vk_confinement *both;

	assert_int_equal(engine_profile("docker-default", &text), 0);
	p = profile(text);
	policy = folded(m, p);
	assert_int_equal(count(policy), 1);
	both = vk_confinement_first(policy);
	assert_string_equal(vk_confinement_label(both), "docker-default");
	assert_int_equal(both->flags, p->flags | VK_CONFINE_MASKS);
	assert_int_equal(both->mediates, p->mediates);
	assert_int_equal(policy->mediates, p->mediates);
	assert_memory_equal(both->own.send, p->own.send, sizeof(p->own.send));
	assert_int_equal(vk_signal_state(vk_confinement_other(both), 9, "docker-default"),
			 vk_signal_state(vk_confinement_other(p), 9, "docker-default"));
	assert_both(both, p, m);
	/* A policy is to take 16 KiB, with its tables of calls. */
	assert_in_range(both->size, 1, 11u << 10);
}

static void what_is_reported_stays(void **state)
{
	_cleanup_free_ struct vk_confinement *m = masks("[\"/m\"]", NULL);
	_cleanup_free_ struct vk_confinement *p =
		profile("profile p {\naudit /a r,\ndeny /d r,\n/** r,\n}");
	_cleanup_free_ Policy *policy = folded(p, m);
	const struct vk_confinement *both = vk_confinement_first(policy);
	const struct vk_dfa *dfa = vk_confinement_file(both);

	assert_int_equal(vk_file_audited(dfa, vk_dfa_match_string(dfa, dfa->start, "/a"), 0),
			 VK_MAY_READ);
	assert_int_equal(vk_file_quiet(dfa, vk_dfa_match_string(dfa, dfa->start, "/d"), 0),
			 VK_MAY_READ);
	assert_true(both->flags & VK_CONFINE_AUDITS);
}

static void stays_apart_of(const char *text)
{
	_cleanup_free_ struct vk_confinement *m = masks("[\"/m\"]", NULL), *p = profile(text);
	_cleanup_free_ Policy *policy = folded(p, m);

	assert_int_equal(count(policy), 2);
}

/* Neither a path too long to be told apart quickly, nor too many of them, may hold up the daemon.
 */
static void what_would_take_long(void **state)
{
	_cleanup_free_ struct vk_confinement *none = NULL, *c = NULL, *p = NULL;
	_cleanup_free_ char *text = NULL, *path = NULL, *array = NULL;
	_cleanup_free_ Policy *policy = NULL;

	assert_true(asprintf(&path, "%0*d", 4000, 0) > 0);
	assert_true(asprintf(&array, "[\"/%s\"]", path) > 0);
	c = masks(array, NULL);
	assert_int_equal(engine_profile("docker-default", &text), 0);
	p = profile(text);
	policy = folded(c, p);
	free(array);
	assert_true(asprintf(&array, "[\"/a%s\",\"/b%s\",\"/c%s\",\"/d%s\",\"/e%s\"]", path, path,
			     path, path, path) > 0);
	assert_int_equal(try_masks(array, NULL, &none), -E2BIG);
}

/* Masks must not become what only complains, or kills, or begins at another root. */
static void some_stay_apart(void **state)
{
	stays_apart_of("profile p flags=(complain) {\n/** r,\n}");
	stays_apart_of("profile p flags=(kill) {\n/** r,\n}");
	stays_apart_of("profile p flags=(chroot_relative) {\n/** r,\n}");
}

static void a_profile_without_files_needs_none(void **state)
{
	_cleanup_free_ struct vk_confinement *m = masks("[\"/m\"]", NULL);
	_cleanup_free_ struct vk_confinement *p = profile("profile p {\n}");
	_cleanup_free_ Policy *policy = folded(m, p);

	assert_int_equal(count(policy), 1);
	assert_string_equal(vk_confinement_label(vk_confinement_first(policy)), "p");
}

static void alone_they_stay(void **state)
{
	_cleanup_free_ struct vk_confinement *m = masks("[\"/m\"]", NULL);
	_cleanup_free_ Policy *policy = policy_of((const struct vk_confinement *const *)&m, 1);

	assert_int_equal(policy_fold_masks(&policy), 0);
	assert_int_equal(count(policy), 1);
	assert_string_equal(vk_confinement_label(vk_confinement_first(policy)), MASK_LABEL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_masked_and_what_is_not),
		cmocka_unit_test(only_files_are_covered),
		cmocka_unit_test(none_of_them_may_have_another_name),
		cmocka_unit_test(links),
		cmocka_unit_test(one_within_the_other),
		cmocka_unit_test(paths_are_taken_as_they_are_meant),
		cmocka_unit_test(a_folded_profile_is_both),
		cmocka_unit_test(what_is_reported_stays),
		cmocka_unit_test(some_stay_apart),
		cmocka_unit_test(what_would_take_long),
		cmocka_unit_test(a_profile_without_files_needs_none),
		cmocka_unit_test(alone_they_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
