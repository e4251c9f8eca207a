/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is remembered of profiles, and what is forgotten first. */
#include <stdbool.h>

#include "tests/unit/scratch.h"
#include "vkerneld/reading.h"

static const char *const no_capabilities[] = { NULL };

static void key_of(unsigned int number, char ret[HASH_HEX_SIZE])
{
	char profile[32];

	snprintf(profile, sizeof(profile), "profile %u", number);
	reading_key(profile, strlen(profile), no_capabilities, ret);
}

static void put(Readings *r, unsigned int number)
{
	_cleanup_free_ Policy *policy = NULL;
	char key[HASH_HEX_SIZE];

	assert_int_equal(policy_new_allow(&policy), 0);
	key_of(number, key);
	reading_remember(r, key, policy);
}

static bool knows(Readings *r, unsigned int number)
{
	_cleanup_free_ Policy *policy = NULL;
	char key[HASH_HEX_SIZE];

	key_of(number, key);
	return reading_recall(r, key, &policy) == 0;
}

static void the_key_is_of_all_that_counts(void **state)
{
	static const char *const kill[] = { "CAP_KILL", NULL };
	char keys[4][HASH_HEX_SIZE];

	reading_key("a", 1, no_capabilities, keys[0]);
	reading_key("b", 1, no_capabilities, keys[1]);
	reading_key("a", 1, kill, keys[2]);
	reading_key("a", 1, no_capabilities, keys[3]);
	assert_string_not_equal(keys[0], keys[1]);
	assert_string_not_equal(keys[0], keys[2]);
	assert_string_equal(keys[0], keys[3]);
}

static void what_is_used_is_kept(void **state)
{
	Readings *r = readings_new();

	assert_non_null(r);
	assert_false(knows(r, 0));
	for (unsigned int i = 0; i < 72; i++) {
		put(r, i);
		assert_true(knows(r, 0));
	}
	assert_true(knows(r, 71));
	assert_false(knows(r, 1));
	readings_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_key_is_of_all_that_counts),
		cmocka_unit_test(what_is_used_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
