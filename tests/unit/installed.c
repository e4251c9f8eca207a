/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An installed core: which one serves, and what image modules are told of it. */
#include "tests/unit/fake_module.h"
#include "vkerneld/build/installed.h"

#define RELEASE "6.12.0-test"

static int setup(void **state)
{
	if (scratch_setup(state) < 0)
		return -1;
	scratch_folder(RELEASE);
	scratch_folder("loaded");
	return 0;
}

static int find(Installed *ret, Failure *f)
{
	return installed_find(scratch, RELEASE, scratch_path("loaded"), ret, f);
}

static void assert_found(const char *symvers)
{
	_cleanup_installed_ Installed core = {};
	_cleanup_failure_ Failure f = {};

	assert_int_equal(find(&core, &f), 0);
	assert_string_equal(core.path, scratch_path(RELEASE "/vkernel.ko"));
	assert_string_equal(core.symvers, symvers);
}

static void assert_none(const char *why)
{
	_cleanup_installed_ Installed core = {};
	_cleanup_failure_ Failure f = {};

	assert_true(find(&core, &f) < 0);
	assert_null(core.path);
	assert_non_null(strstr(failure_message(&f), why));
}

static void one_that_fits_serves(void **state)
{
	FakeModule m = FAKE_MODULE(RELEASE);

	assert_none("no vkernel.ko is installed for " RELEASE);
	fake_module_install(RELEASE, &m);
	assert_found("0x000012ab\tvkernel_policy_register\tvkernel\tEXPORT_SYMBOL_GPL\t\n");
	m.crc = 0xfedcba98;
	fake_module_make(RELEASE, &m);
	assert_found("0xfedcba98\tvkernel_policy_register\tvkernel\tEXPORT_SYMBOL_GPL\t\n");
}

static void others_do_not(void **state)
{
	FakeModule other[4];

	for (size_t i = 0; i < ELEMENTSOF(other); i++)
		other[i] = FAKE_MODULE(RELEASE);
	other[0].version = VK_VERSION ".1";
	other[1].magic = RELEASE "1 SMP";
	other[2].magic = "";
	other[3].symbol = "something";

	static const char *const why[] = { "has version '" VK_VERSION ".1'",
					   "another kernel: '" RELEASE "1 SMP'",
					   "another kernel: ''", "does not export" };

	fake_module_index(RELEASE);
	for (size_t i = 0; i < ELEMENTSOF(other); i++) {
		fake_module_make(RELEASE, &other[i]);
		assert_none(why[i]);
	}
}

static void what_can_not_be_read_does_not(void **state)
{
	fake_module_index(RELEASE);
	assert_none("vkernel.ko");
	scratch_write(RELEASE "/vkernel.ko", "text");
	assert_none("can not be read");
}

/* A core that is loaded already must be the one that is described. */
static void the_loaded_one_decides(void **state)
{
	const FakeModule m = FAKE_MODULE(RELEASE);

	fake_module_install(RELEASE, &m);
	scratch_write("loaded/srcversion", "B2\n");
	assert_none("is another than");
	scratch_write("loaded/srcversion", "A1\n");
	assert_found("0x000012ab\tvkernel_policy_register\tvkernel\tEXPORT_SYMBOL_GPL\t\n");
}

#define installed_test(f) cmocka_unit_test_setup_teardown(f, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		installed_test(one_that_fits_serves),
		installed_test(others_do_not),
		installed_test(what_can_not_be_read_does_not),
		installed_test(the_loaded_one_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
