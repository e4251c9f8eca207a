/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The generated source: numbers alone, and the same bytes when it is compiled. */
#include "tests/unit/scratch.h"
#include "vkerneld/build/generate.h"

/* A policy with something everywhere; what it says does not matter. */
static Policy *make_policy(void)
{
	Policy *p = calloc(1, sizeof(*p) + 3 * sizeof(p->nodes[0]));

	assert_non_null(p);
	p->abi = VK_POLICY_ABI;
	p->nr_nodes = 3;
	p->size = sizeof(*p) + 3 * sizeof(p->nodes[0]);
	for (unsigned int i = 0; i < VK_NR_TABLES; i++)
		for (unsigned int nr = 0; nr <= VK_CALL_BEYOND; nr += 7)
			p->table[i][nr] = VK_VERDICT(VK_ERRNO, nr + i);
	p->table[VK_TABLE_NATIVE][VK_CALL_BEYOND] = VK_ENTRY_PROGRAM | 2;
	p->nodes[0] = (struct vk_node){ .mask = UINT64_MAX,
					.value = UINT64_MAX,
					.yes = 1,
					.no = UINT32_MAX,
					.op = VK_OP_GE,
					.arg = 5 };
	p->nodes[2] = (struct vk_node){ .mask = 1ull << 63, .yes = VK_ENTRY_PROGRAM | 1 };
	policy_seal(p);
	return p;
}

static void generate(const Policy *p, const char *name)
{
	FILE *f = fopen(scratch_path(name), "we");

	assert_non_null(f);
	assert_int_equal(generate_policy(p, f), 0);
	assert_int_equal(fclose(f), 0);
}

static char *read_all(const char *name, size_t *ret_size)
{
	FILE *f = fopen(scratch_path(name), "re");
	char *text = malloc(1u << 20);

	assert_non_null(f);
	assert_non_null(text);
	*ret_size = fread(text, 1, (1u << 20) - 1, f);
	text[*ret_size] = 0;
	fclose(f);
	return text;
}

static void compiled_it_is_the_same(void **state)
{
	_cleanup_free_ Policy *p = make_policy();
	_cleanup_free_ char *bytes = NULL;
	char command[512];
	size_t size;

	generate(p, "policy_data.h");
	scratch_write("main.c", "#include <stdio.h>\n#include <vkernel/policy.h>\n"
				"static const __u64 policy[] = {\n"
				"#include \"policy_data.h\"\n};\n"
				"int main(void) { return fwrite(policy, sizeof(policy), 1, "
				"stdout) != 1; }\n");
	snprintf(command, sizeof(command),
		 "cd %s && " COMPILER " -Wall -Werror -I" INCLUDE " main.c -o main && ./main >out",
		 scratch);
	assert_int_equal(system(command), 0);
	bytes = read_all("out", &size);
	assert_int_equal(size, policy_size(p));
	assert_memory_equal(bytes, p, size);
}

/* What a profile says in words has no way into the source. */
static void words_stay_out(void **state)
{
	static const char profile[] =
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"uname\","
		"\"*/} int evil; /*\",\"\\n#include </etc/passwd>\"],\"comment\":\"evil\","
		"\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":0,\"value\":7,"
		"\"op\":\"SCMP_CMP_EQ\"}]}]}";
	const ProfileTarget target = { .kernel_major = 6, .kernel_minor = 12 };
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ Policy *p = NULL;
	ProfileReport report = {};
	size_t size;

	assert_int_equal(profile_read_seccomp(profile, strlen(profile), &target, &p, &report), 0);
	profile_report_done(&report);
	generate(p, "policy_data.h");
	text = read_all("policy_data.h", &size);
	for (char *at = text, *end; *at; at += strspn(at, " \n")) {
		assert_memory_equal(at, "0x", 2);
		(void)strtoull(at, &end, 16);
		assert_memory_equal(end, "ull,", 4);
		at = end + 4;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(compiled_it_is_the_same),
		scratch_test(words_stay_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
