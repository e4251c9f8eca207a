/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of a template with a policy of any size, and of templates that are none. */
#include <fcntl.h>
#include <gelf.h>
#include <stdbool.h>
#include <unistd.h>

#include "tests/unit/fake_template.h"

#define LARGE (2u << 20)

static Policy *make_policy(size_t size, uint32_t first)
{
	Policy *p = calloc(1, size);

	assert_non_null(p);
	p->abi = VK_POLICY_ABI;
	p->size = (uint32_t)size;
	p->table[0][0] = first;
	/* What looks like the template's name is the policy's. */
	if (size > sizeof(*p))
		strcpy((char *)p->nodes, TEMPLATE_MODULE);
	policy_seal(p);
	return p;
}

static int fill(const char *file, const Policy *p, Failure *f)
{
	int fd = open(scratch_path(file), O_RDWR | O_CLOEXEC), r;

	assert_true(fd >= 0);
	r = template_fill(fd, p, f);
	close(fd);
	return r;
}

static void make_module(const char *file, const Policy *p)
{
	_cleanup_failure_ Failure f = {};
	FakeTemplate t = FAKE_TEMPLATE;

	fake_template_make(file, &t);
	assert_int_equal(fill(file, p, &f), 0);
	assert_null(f.error);
}

static Elf *open_elf(const char *file, int *fd)
{
	Elf *e;

	*fd = open(scratch_path(file), O_RDONLY | O_CLOEXEC);
	assert_true(*fd >= 0);
	elf_version(EV_CURRENT);
	e = elf_begin(*fd, ELF_C_READ, NULL);
	assert_non_null(e);
	return e;
}

static Elf_Data *section(Elf *e, const char *name)
{
	Elf_Scn *s = NULL;
	GElf_Shdr h;
	size_t names;

	assert_int_equal(elf_getshdrstrndx(e, &names), 0);
	while ((s = elf_nextscn(e, s))) {
		assert_non_null(gelf_getshdr(s, &h));
		if (strcmp(elf_strptr(e, names, h.sh_name), name) == 0)
			return elf_getdata(s, NULL);
	}
	print_error("no section %s\n", name);
	abort();
}

static void assert_has(const Elf_Data *d, const char *text, bool wanted)
{
	if ((memmem(d->d_buf, d->d_size, text, strlen(text) + 1) != NULL) != wanted) {
		print_error("'%s' should %sbe there\n", text, wanted ? "" : "not ");
		abort();
	}
}

static uint64_t symbol_size(Elf *e, const char *name)
{
	Elf_Data *symbols = section(e, ".symtab"), *names = section(e, ".strtab");
	GElf_Sym s;

	for (int i = 0; gelf_getsym(symbols, i, &s); i++)
		if (strcmp((char *)names->d_buf + s.st_name, name) == 0)
			return s.st_size;
	return 0;
}

static void build_id(const char *file, char ret[20])
{
	Elf_Data *note;
	int fd;
	Elf *e = open_elf(file, &fd);

	note = section(e, ".note.gnu.build-id");
	assert_int_equal(note->d_size, 36);
	memcpy(ret, (char *)note->d_buf + 16, 20);
	elf_end(e);
	close(fd);
}

static void check_module(const char *file, const Policy *p)
{
	char name[sizeof(TEMPLATE_MODULE)], info[64];
	Elf_Data *policy;
	int fd;
	Elf *e = open_elf(file, &fd);

	policy_module_name(p, name);
	snprintf(info, sizeof(info), "name=%s", name);
	policy = section(e, ".vkernel.policy");
	assert_int_equal(policy->d_size, p->size);
	assert_memory_equal(policy->d_buf, p, p->size);
	assert_int_equal(symbol_size(e, "policy_data"), p->size);
	assert_has(section(e, ".modinfo"), info, true);
	assert_has(section(e, ".modinfo"), "license=GPL", true);
	assert_has(section(e, ".modinfo"), "depends=vkernel", true);
	assert_has(section(e, ".gnu.linkonce.this_module"), name, true);
	assert_has(section(e, ".gnu.linkonce.this_module"), TEMPLATE_MODULE, false);
	assert_has(section(e, ".strtab"), TEMPLATE_MODULE ".mod.c", false);
	elf_end(e);
	close(fd);
}

/* Another reader of ELF, and the code in it: a program is linked with it and run. */
static void check_linked(const char *file, const Policy *p)
{
	char source[256], command[512];

	snprintf(source, sizeof(source),
		 "int size_of(void);\nextern void *behind[];\n"
		 "int main(void) { return size_of() != %u || behind[1] != (void *)size_of; }\n",
		 p->size);
	scratch_write("main.c", source);
	snprintf(command, sizeof(command),
		 COMPILER " -no-pie -o %s/main %s/main.c %s/%s && %s/main", scratch, scratch,
		 scratch, file, scratch);
	assert_int_equal(system(command), 0);
}

static void a_policy_of_any_size(void **state)
{
	static const size_t sizes[] = { sizeof(Policy), sizeof(Policy) + 1024, LARGE };

	for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
		_cleanup_free_ Policy *p = make_policy(sizes[i], 7);

		make_module("one.ko", p);
		check_module("one.ko", p);
		check_linked("one.ko", p);
	}
}

static void build_ids_differ_where_policies_do(void **state)
{
	_cleanup_free_ Policy *p = make_policy(sizeof(Policy), 1),
			      *q = make_policy(sizeof(Policy), 2);
	char template[20], one[20], same[20], other[20];
	FakeTemplate t = FAKE_TEMPLATE;

	fake_template_make("template.ko", &t);
	build_id("template.ko", template);
	make_module("one.ko", p);
	make_module("same.ko", p);
	make_module("other.ko", q);
	build_id("one.ko", one);
	build_id("same.ko", same);
	build_id("other.ko", other);
	assert_memory_equal(one, same, 20);
	assert_memory_not_equal(one, other, 20);
	assert_memory_not_equal(one, template, 20);
}

static void assert_refused(const char *file, const char *why)
{
	_cleanup_free_ Policy *p = make_policy(sizeof(Policy), 1);
	_cleanup_failure_ Failure f = {};

	assert_int_equal(fill(file, p, &f), -ENOEXEC);
	assert_string_equal(f.error, ERROR_BUILD_FAILED);
	if (!strstr(failure_message(&f), why))
		print_error("'%s' is not about '%s'\n", failure_message(&f), why);
	assert_non_null(strstr(failure_message(&f), why));
	assert_non_null(strstr(json_object_get_string(json_object_object_get(f.parameters, "hint")),
			       "Builder=kbuild"));
}

static void refuse(const FakeTemplate *t, const char *why)
{
	fake_template_make("bad.ko", t);
	assert_refused("bad.ko", why);
}

#define REFUSE(why, ...)                        \
	do {                                    \
		FakeTemplate t = FAKE_TEMPLATE; \
		__VA_ARGS__;                    \
		refuse(&t, why);                \
	} while (0)

static void a_name_that_is_not_there_once(void **state)
{
	REFUSE("0 times in the section .modinfo", t.info = "");
	REFUSE("2 times in the section .modinfo",
	       t.info = ".string \"name=" TEMPLATE_MODULE "\", \"name=" TEMPLATE_MODULE "\"\n");
	REFUSE("no name=", t.info = ".string \"title=" TEMPLATE_MODULE "\"\n");
	REFUSE("no name=", t.info = ".string \"name=" TEMPLATE_MODULE "0\"\n");
	REFUSE("0 times in the section .gnu.linkonce.this_module", t.this_module = ".zero 64\n");
	REFUSE("2 times in the section .gnu.linkonce.this_module",
	       t.this_module = ".string \"" TEMPLATE_MODULE "\", \"" TEMPLATE_MODULE "\"\n");
	REFUSE("1 times in the section .data",
	       t.rest = ".text\nmov policy_data(%rip), %eax\n.data\n.string \"" TEMPLATE_MODULE
			"\"\n");
}

static void sections_that_are_not_there_or_of_another_kind(void **state)
{
	static const char writable[] = ".section .vkernel.policy, \"aw\", @progbits\n.balign 8\n"
				       ".type policy_data, @object\npolicy_data: .zero 4160\n";
	static const char unaligned[] = ".section .vkernel.policy, \"a\", @progbits\n"
					".type policy_data, @object\npolicy_data: .zero 4160\n";

	REFUSE("0 sections .vkernel.policy",
	       t.policy = ".data\n.type policy_data, @object\npolicy_data: .zero 4160\n");
	REFUSE("not one of constants", t.policy = writable);
	REFUSE("not one of constants", t.policy = unaligned);
	REFUSE("a symbol inside the section .vkernel.policy",
	       t.policy = FAKE_POLICY ".type more, @object\nmore: .zero 8\n");
	REFUSE("2 symbols in the section .vkernel.policy",
	       t.policy = FAKE_POLICY ".type also, @object\n.set also, policy_data\n");
	REFUSE("2 sections .vkernel.policy",
	       t.policy = FAKE_POLICY
	       ".section .vkernel.policy, \"a\", @progbits, unique, 1\n.zero 8\n");
	REFUSE("0 sections .note.gnu.build-id", t.note = "");
	REFUSE("build id of another form",
	       t.note = ".section .note.gnu.build-id, \"a\", @note\n.long 4, 16, 3\n"
			".asciz \"GNU\"\n.fill 16, 1, 1\n");
}

/* Whatever its beginning is, it is refused, and nothing is read beyond. */
static void a_part_of_one(void **state)
{
	FakeTemplate t = FAKE_TEMPLATE;
	_cleanup_free_ Policy *p = make_policy(sizeof(Policy), 1);
	struct stat st;

	fake_template_make("whole.ko", &t);
	assert_int_equal(stat(scratch_path("whole.ko"), &st), 0);
	for (off_t size = 0; size < st.st_size; size += 61) {
		_cleanup_failure_ Failure f = {};

		assert_int_equal(file_copy(scratch_path("whole.ko"), scratch_path("part.ko")), 0);
		assert_int_equal(truncate(scratch_path("part.ko"), size), 0);
		assert_true(fill("part.ko", p, &f) < 0);
		assert_non_null(f.error);
		assert_int_equal(unlink(scratch_path("part.ko")), 0);
	}
}

/* Headers of sections with nonsense in each place: it may be taken or not, within bounds. */
static void nonsense_in_it(void **state)
{
	static const unsigned char nonsense[] = { 0xff, 0x00, 0x80 };
	FakeTemplate t = FAKE_TEMPLATE;
	_cleanup_free_ Policy *p = make_policy(sizeof(Policy), 1);
	struct stat st;

	fake_template_make("whole.ko", &t);
	assert_int_equal(stat(scratch_path("whole.ko"), &st), 0);
	for (off_t at = 0; at < st.st_size; at += at < 64 ? 1 : 23) {
		_cleanup_failure_ Failure f = {};
		int fd;

		assert_int_equal(file_copy(scratch_path("whole.ko"), scratch_path("odd.ko")), 0);
		fd = open(scratch_path("odd.ko"), O_RDWR | O_CLOEXEC);
		assert_int_equal(pwrite(fd, &nonsense[at % 3], 1, at), 1);
		if (template_fill(fd, p, &f) < 0)
			assert_non_null(f.error);
		close(fd);
		assert_int_equal(unlink(scratch_path("odd.ko")), 0);
	}
}

static void what_is_no_module(void **state)
{
	scratch_write("text.ko", "text");
	assert_refused("text.ko", "is no module");
	scratch_write("none.ko", "");
	assert_refused("none.ko", "is no module");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(a_policy_of_any_size),
		scratch_test(build_ids_differ_where_policies_do),
		scratch_test(a_name_that_is_not_there_once),
		scratch_test(sections_that_are_not_there_or_of_another_kind),
		scratch_test(a_part_of_one),
		scratch_test(nonsense_in_it),
		scratch_test(what_is_no_module),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
