/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is missing for a build, and what to install. */
#include <elf.h>

#include "proto/varlink.h"
#include "tests/unit/scratch.h"
#include "vkerneld/build/toolchain.h"

#define RELEASE "6.12.0-test"

static void program(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "bin/%s", name);
	scratch_write(path, "#!/bin/sh\necho \"$0 version\"\necho more\n");
	assert_int_equal(chmod(scratch_path(path), 0755), 0);
}

static void headers(const char *config)
{
	scratch_folder("modules");
	scratch_folder("modules/" RELEASE);
	scratch_folder("modules/" RELEASE "/build");
	scratch_folder("modules/" RELEASE "/build/include");
	scratch_folder("modules/" RELEASE "/build/include/config");
	scratch_write("modules/" RELEASE "/build/Makefile", "");
	scratch_write("modules/" RELEASE "/build/include/config/auto.conf", config);
	scratch_folder("bin");
}

static int find(Toolchain *t, Failure *f)
{
	return toolchain_find(scratch_path("modules"), scratch_path("bin"), RELEASE, t, f);
}

static void assert_missing(const char *error, const char *hint)
{
	_cleanup_toolchain_ Toolchain t = {};
	_cleanup_failure_ Failure f = {};

	assert_true(find(&t, &f) < 0);
	assert_string_equal(f.error, error);
	assert_non_null(json_get_string(f.parameters, "message"));
	assert_non_null(strstr(json_get_string(f.parameters, "hint"), hint));
}

static void assert_compiler(const char *name)
{
	_cleanup_toolchain_ Toolchain t = {};
	_cleanup_failure_ Failure f = {};
	char want[128];

	assert_int_equal(find(&t, &f), 0);
	assert_string_equal(strrchr(t.cc, '/') + 1, name);
	snprintf(want, sizeof(want), "%s version", t.cc);
	assert_string_equal(t.cc_version, want);
}

static void no_headers(void **state)
{
	assert_missing("io.vkernel.KernelMissing", "linux-headers-" RELEASE);
}

static void no_make(void **state)
{
	headers("");
	program("gcc");
	assert_missing("io.vkernel.BuildFailed", "make");
}

static void no_compiler(void **state)
{
	headers("CONFIG_CC_VERSION_TEXT=\"gcc-12 (Debian 12.2.0-14) 12.2.0\"\n");
	program("make");
	assert_missing("io.vkernel.BuildFailed", "gcc");
}

static void the_compiler_of_the_kernel(void **state)
{
	headers("CONFIG_X=y\n"
		"CONFIG_CC_VERSION_TEXT=\"x86_64-linux-gnu-gcc-13 (Debian 13.3.0-1) 13.3.0\"\n");
	program("make");
	program("gcc");
	assert_compiler("gcc");
	program("gcc-14");
	assert_compiler("gcc-14");
	program("gcc-13");
	assert_compiler("gcc-13");
	program("x86_64-linux-gnu-gcc-13");
	assert_compiler("x86_64-linux-gnu-gcc-13");
}

static void a_path_is_no_compiler(void **state)
{
	headers("CONFIG_CC_VERSION_TEXT=\"../../bin/evil 1\"\n");
	program("make");
	program("evil");
	program("gcc");
	assert_compiler("gcc");
}

static void configuration(void **state)
{
	_cleanup_toolchain_ Toolchain t = {};
	_cleanup_failure_ Failure f = {};
	_cleanup_free_ char *hash = NULL;

	headers("CONFIG_MODULE_SIG_FORCE=y\nCONFIG_M=m\nCONFIG_MODULE_SIG_HASH=\"sha512\"\n");
	program("make");
	program("gcc");
	assert_int_equal(find(&t, &f), 0);
	assert_true(toolchain_config(&t, "MODULE_SIG_FORCE"));
	assert_false(toolchain_config(&t, "MODULE_SIG"));
	assert_false(toolchain_config(&t, "M"));
	hash = toolchain_config_string(&t, "MODULE_SIG_HASH");
	assert_string_equal(hash, "sha512");
}

static void write_notes(const void *bytes, size_t size)
{
	FILE *f = fopen(scratch_path("notes"), "we");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, size, f), size);
	fclose(f);
}

static void build_id(void **state)
{
	struct {
		Elf64_Nhdr other;
		char other_name[8], other_desc[4];
		Elf64_Nhdr id;
		char name[4], desc[4];
	} notes = {
		.other = { .n_namesz = 6, .n_descsz = 3, .n_type = NT_GNU_BUILD_ID },
		.other_name = "Linux",
		.id = { .n_namesz = 4, .n_descsz = 4, .n_type = NT_GNU_BUILD_ID },
		.name = "GNU",
		.desc = { 1, 2, (char)0xab, (char)0xff },
	};
	_cleanup_free_ char *id = NULL, *none = NULL;

	write_notes(&notes, sizeof(notes));
	assert_int_equal(host_build_id(scratch_path("notes"), &id), 0);
	assert_string_equal(id, "0102abff");
	/* Cut anywhere, it is none, and nothing is read beyond. */
	for (size_t n = 0; n < sizeof(notes); n++) {
		write_notes(&notes, n);
		assert_int_equal(host_build_id(scratch_path("notes"), &none), -ENODATA);
	}
	notes.other.n_namesz = 0xffffffff;
	write_notes(&notes, sizeof(notes));
	assert_int_equal(host_build_id(scratch_path("notes"), &none), -ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(no_headers),
		scratch_test(no_make),
		scratch_test(no_compiler),
		scratch_test(the_compiler_of_the_kernel),
		scratch_test(a_path_is_no_compiler),
		scratch_test(configuration),
		scratch_test(build_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
