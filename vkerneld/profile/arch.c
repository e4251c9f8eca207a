/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/profile/arch.h"

#include <string.h>

#include "proto/util.h"

#define PREFIX "SCMP_ARCH_"

static const struct {
	const char *name;
	enum arch arch;
} names[] = {
	{ "x86_64", ARCH_X86_64 },
	{ "amd64", ARCH_X86_64 },
	{ "x86", ARCH_I386 },
	{ "386", ARCH_I386 },
	{ "x32", ARCH_X32 },
	{ "arm", ARCH_FOREIGN },
	{ "aarch64", ARCH_FOREIGN },
	{ "arm64", ARCH_FOREIGN },
	{ "mips", ARCH_FOREIGN },
	{ "mips64", ARCH_FOREIGN },
	{ "mips64n32", ARCH_FOREIGN },
	{ "mips64p32", ARCH_FOREIGN },
	{ "mipsel", ARCH_FOREIGN },
	{ "mipsle", ARCH_FOREIGN },
	{ "mipsel64", ARCH_FOREIGN },
	{ "mips64le", ARCH_FOREIGN },
	{ "mipsel64n32", ARCH_FOREIGN },
	{ "mips3l64n32", ARCH_FOREIGN },
	{ "mips64p32le", ARCH_FOREIGN },
	{ "ppc", ARCH_FOREIGN },
	{ "ppc64", ARCH_FOREIGN },
	{ "ppc64le", ARCH_FOREIGN },
	{ "s390", ARCH_FOREIGN },
	{ "s390x", ARCH_FOREIGN },
	{ "parisc", ARCH_FOREIGN },
	{ "parisc64", ARCH_FOREIGN },
	{ "riscv64", ARCH_FOREIGN },
	{ "loongarch64", ARCH_FOREIGN },
	{ "loong64", ARCH_FOREIGN },
	{ "m68k", ARCH_FOREIGN },
	{ "sh", ARCH_FOREIGN },
	{ "sheb", ARCH_FOREIGN },
};

enum arch arch_from_name(const char *name)
{
	if (strncmp(name, PREFIX, strlen(PREFIX)) == 0)
		name += strlen(PREFIX);
	for (size_t i = 0; i < ELEMENTSOF(names); i++)
		if (strcasecmp(name, names[i].name) == 0)
			return names[i].arch;
	return ARCH_UNKNOWN;
}
