/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A template of image modules, as Kbuild leaves one: an ELF object with what has to be replaced. */
#pragma once

#include <stdlib.h>

#include "tests/unit/scratch.h"
#include "vkerneld/build/template.h"

/* Parts of its source; a test changes what it is about. */
typedef struct FakeTemplate {
	const char *info, *this_module, *note, *policy, *rest;
} FakeTemplate;

#define FAKE_NOTE                                     \
	".section .note.gnu.build-id, \"a\", @note\n" \
	".balign 4\n.long 4, 20, 3\n.asciz \"GNU\"\n" \
	".fill 20, 1, 0x5a\n"
#define FAKE_POLICY                                    \
	".section .vkernel.policy, \"a\", @progbits\n" \
	".balign 8\n.type policy_data, @object\n"      \
	"policy_data: .zero 4160\n.size policy_data, 4160\n"

/* size_of() reads what image.c does, where it is in every policy. */
#define FAKE_TEMPLATE                                                                         \
	((FakeTemplate){                                                                      \
		.info = ".string \"name=" TEMPLATE_MODULE "\"\n",                             \
		.this_module = ".zero 24\n.string \"" TEMPLATE_MODULE "\"\n.zero 16\n",       \
		.note = FAKE_NOTE,                                                            \
		.policy = FAKE_POLICY,                                                        \
		.rest = ".text\n.globl size_of\nsize_of: movl policy_data+4144(%rip), %eax\n" \
			"ret\n.data\n.globl behind\nbehind: .quad policy_data, size_of\n",    \
	})

/* name: of a file in scratch. */
static inline void fake_template_make(const char *name, const FakeTemplate *t)
{
	char source[2048], command[512];

	snprintf(
		source, sizeof(source),
		".file \"" TEMPLATE_MODULE ".mod.c\"\n"
		".section .modinfo, \"a\"\n.string \"license=GPL\"\n%s.string \"depends=vkernel\"\n"
		".section .gnu.linkonce.this_module, \"aw\"\n.balign 64\n%s%s%s%s"
		".section .note.GNU-stack, \"\", @progbits\n",
		t->info, t->this_module, t->note, t->policy, t->rest);
	scratch_write("template.s", source);
	snprintf(command, sizeof(command), COMPILER " -c %s/template.s -o %s/%s", scratch, scratch,
		 name);
	assert_int_equal(system(command), 0);
}
