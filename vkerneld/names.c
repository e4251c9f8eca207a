/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include <seccomp.h>

#include "vkerneld/build/hash.h"
#include "vkerneld/names.h"

static const char *name_of(const char *const *names, size_t n, uint32_t i)
{
	return i < n ? names[i] : NULL;
}

const char *state_name(uint32_t state)
{
	static const char *const names[] = { "pending", "active", "exited" };

	return name_of(names, ELEMENTSOF(names), state);
}

const char *mode_name(uint32_t mode)
{
	static const char *const names[] = { "enforce", "audit" };

	return name_of(names, ELEMENTSOF(names), mode);
}

const char *scope_name(uint32_t scope)
{
	static const char *const names[] = { "none", "cgroup", "pidns", "both" };

	return name_of(names, ELEMENTSOF(names), scope);
}

const char *event_name(uint32_t kind)
{
	static const char *const names[] = { "bind",	"activate", "join",	 "exit",
					     "release", "denied",   "capability" };

	return name_of(names, ELEMENTSOF(names), kind);
}

const char *arch_name(uint32_t table)
{
	static const char *const names[] = { "x86_64", "x86" };

	return name_of(names, ELEMENTSOF(names), table);
}

const char *claim_name(uint32_t on_claim)
{
	static const char *const names[] = { "refuse", "kill" };

	return name_of(names, ELEMENTSOF(names), on_claim);
}

char *call_name(uint32_t table, uint32_t nr)
{
	uint32_t arch = table == VK_TABLE_COMPAT ? SCMP_ARCH_X86 : SCMP_ARCH_X86_64;

	return nr < VK_NR_CALLS ? seccomp_syscall_resolve_num_arch(arch, (int)nr) : NULL;
}

char *verdict_name(uint32_t verdict)
{
	static const char *const names[] = { "allow", "log",	     "trace",	    "errno",
					     "trap",  "kill-thread", "kill-process" };
	const char *name = name_of(names, ELEMENTSOF(names), VK_VERDICT_ACTION(verdict));
	char *text;
	int r;

	if (VK_VERDICT_ACTION(verdict) == VK_ERRNO)
		r = asprintf(&text, "%s(%u)", name, VK_VERDICT_DATA(verdict));
	else
		r = asprintf(&text, "%s", name ? name : "unknown");
	return r < 0 ? NULL : text;
}

void module_name(const uint8_t digest[VK_DIGEST_SIZE], char ret[MODULE_NAME_SIZE])
{
	strcpy(ret, VK_MODULE_PREFIX);
	hex_encode(digest, VK_MODULE_DIGITS / 2, ret + sizeof(VK_MODULE_PREFIX) - 1);
}
