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

static int read_arch(const Field *f, enum arch *ret)
{
	const char *name = NULL;
	int r = field_string(f, &name);

	if (r < 0)
		return r;
	*ret = name ? arch_from_name(name) : ARCH_UNKNOWN;
	if (*ret == ARCH_UNKNOWN)
		return field_fail(f, -EINVAL, "unknown architecture %s",
				  name ? quoted(name, strlen(name)).text : "\"\"");
	return 0;
}

/* Of those listed only i386 makes a difference: x86-64 is always in. */
static int read_arch_list(const Field *list, bool *i386)
{
	size_t n = 0;
	enum arch arch;
	int r = field_array(list, &n);

	for (size_t i = 0; r == 0 && i < n; i++) {
		Field f = field_at(list, i);

		r = read_arch(&f, &arch);
		*i386 |= r == 0 && arch == ARCH_I386;
	}
	return r;
}

static int read_arch_map(const Field *map, size_t n, bool *i386)
{
	static const char *const known[] = { "architecture", "subArchitectures", NULL };
	enum arch arch;
	int r;

	for (size_t i = 0; i < n; i++) {
		Field f = field_at(map, i), name, sub;
		bool has_i386 = false;

		r = field_object(&f);
		if (r < 0)
			return r;
		field_warn_unknown(&f, known);
		name = field_get(&f, "architecture");
		r = read_arch(&name, &arch);
		if (r < 0)
			return r;
		sub = field_get(&f, "subArchitectures");
		r = read_arch_list(&sub, &has_i386);
		if (r < 0)
			return r;
		*i386 |= arch == ARCH_X86_64 && has_i386;
	}
	return 0;
}

int read_arches(const Field *root, bool *ret_i386)
{
	Field list = field_get(root, "architectures"), map = field_get(root, "archMap");
	size_t n_list = 0, n_map = 0;
	int r;

	r = field_array(&list, &n_list);
	if (r < 0)
		return r;
	r = field_array(&map, &n_map);
	if (r < 0)
		return r;
	if (n_list && n_map)
		return field_fail(root, -EINVAL, "has both architectures and archMap; use one");
	if (n_map)
		return read_arch_map(&map, n_map, ret_i386);
	return read_arch_list(&list, ret_i386);
}
