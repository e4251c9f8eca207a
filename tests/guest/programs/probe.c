// SPDX-License-Identifier: LGPL-2.1-or-later
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe.h"

/* Below 4 GiB in a program that is not position-independent: int 0x80 passes 32 bits. */
static char room[6][4096];

__asm__(".text\n"
	".globl raw_call, raw_call_end\n"
	".type raw_call, @function\n"
	"raw_call:\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %rdi\n"
	"	mov %rdx, %rsi\n"
	"	mov %rcx, %rdx\n"
	"	mov %r8, %r10\n"
	"	mov %r9, %r8\n"
	"	mov 8(%rsp), %r9\n"
	"	syscall\n"
	"raw_call_end:\n"
	"	ret\n"
	".size raw_call, . - raw_call\n");

static long int80(long nr, const long *args)
{
	int returned;

	__asm__ volatile("int $0x80"
			 : "=a"(returned)
			 : "a"(nr), "b"(args[0]), "c"(args[1]), "d"(args[2]), "S"(args[3]),
			   "D"(args[4])
			 : "memory", "r8", "r9", "r10", "r11");
	return returned;
}

static bool parse_argument(const char *word, char *buffer, long *ret)
{
	char *end;

	if (strcmp(word, "buf") == 0) {
		*ret = (long)buffer;
		return true;
	}
	if (strncmp(word, "str:", 4) == 0) {
		snprintf(buffer, sizeof(room[0]), "%s", word + 4);
		*ret = (long)buffer;
		return true;
	}
	*ret = (long)strtoull(word, &end, 0);
	return *word && !*end;
}

bool call_parse(struct call *call, enum way way, char **words)
{
	uint32_t arch = way == WAY_INT80 ? SCMP_ARCH_X86 : SCMP_ARCH_X86_64;
	char *end;
	int i;

	if (!words[0])
		return false;
	call->way = way;
	call->nr = strtol(words[0], &end, 0);
	if (*end)
		call->nr = seccomp_syscall_resolve_name_arch(arch, words[0]);
	if (call->nr == __NR_SCMP_ERROR)
		return false;
	for (i = 0; i < 6; i++) {
		call->args[i] = 0;
		if (words[i + 1] && !parse_argument(words[i + 1], room[i], &call->args[i]))
			return false;
		if (!words[i + 1])
			break;
	}
	for (; i < 6; i++)
		call->args[i] = 0;
	return true;
}

long call_do(const struct call *call)
{
	const long *a = call->args;

	if (call->way == WAY_INT80)
		return int80(call->nr, a);
	return raw_call(call->way == WAY_X32 ? call->nr | X32_BIT : call->nr, a[0], a[1], a[2],
			a[3], a[4], a[5]);
}

void call_print(long returned)
{
	if (returned < 0 && returned >= -4095)
		printf("ret -1 errno %ld\n", -returned);
	else
		printf("ret %ld errno 0\n", returned);
	fflush(stdout);
}
