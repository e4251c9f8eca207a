/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A core that is installed, as libkmod sees one: an ELF object, and the index that depmod makes. */
#pragma once

#include <arpa/inet.h>
#include <stdlib.h>

#include "tests/unit/scratch.h"

typedef struct FakeModule {
	const char *version, *magic, *sources, *symbol;
	unsigned int crc;
} FakeModule;

#define FAKE_MODULE(release)                                                    \
	((FakeModule){ .version = VK_VERSION,                                   \
		       .magic = release " SMP preempt mod_unload modversions ", \
		       .sources = "A1",                                         \
		       .symbol = "vkernel_policy_register",                     \
		       .crc = 0x12ab })

/* folder: the release's, in scratch. */
static inline void fake_module_make(const char *folder, const FakeModule *m)
{
	char source[512], command[512];

	snprintf(source, sizeof(source),
		 ".section .modinfo, \"a\"\n"
		 ".string \"version=%s\"\n.string \"vermagic=%s\"\n.string \"srcversion=%s\"\n"
		 ".section .crc, \"a\"\n__crc_%s: .long %u\n",
		 m->version, m->magic, m->sources, m->symbol, m->crc);
	scratch_write("module.s", source);
	snprintf(command, sizeof(command), COMPILER " -c %s/module.s -o %s/%s/vkernel.ko", scratch,
		 scratch, folder);
	assert_int_equal(system(command), 0);
}

static inline void write_number(uint32_t n, FILE *f)
{
	n = htonl(n);
	assert_int_equal(fwrite(&n, sizeof(n), 1, f), 1);
}

/* modules.dep.bin: magic, version, and a tree of one node with one value. */
static inline void fake_module_index(const char *folder)
{
	static const char name[] = "vkernel", value[] = "vkernel.ko:";
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/modules.dep.bin", folder);
	f = fopen(scratch_path(path), "we");
	assert_non_null(f);
	write_number(0xb007f457, f);
	write_number(0x00020001, f);
	write_number(0xc0000000 | 12, f);
	assert_int_equal(fwrite(name, sizeof(name), 1, f), 1);
	write_number(1, f);
	write_number(0, f);
	assert_int_equal(fwrite(value, sizeof(value), 1, f), 1);
	assert_int_equal(fclose(f), 0);
}

static inline void fake_module_install(const char *folder, const FakeModule *m)
{
	fake_module_make(folder, m);
	fake_module_index(folder);
}
