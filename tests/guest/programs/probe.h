/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the probes share: system calls without a C library between, and their arguments. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define X32_BIT 0x40000000L

enum way { WAY_NATIVE, WAY_INT80, WAY_X32 };

struct call {
	enum way way;
	long nr;
	long args[6];
};

/* Returns what the kernel left in rax; the instruction behind the system call is raw_call_end. */
long raw_call(long nr, long a0, long a1, long a2, long a3, long a4, long a5);
extern const char raw_call_end[];

/* "uname" or a number, then arguments: numbers, "buf" for room to write to, "str:TEXT". */
bool call_parse(struct call *call, enum way way, char **words);

long call_do(const struct call *call);

/* "ret 0 errno 0", or "ret -1 errno 38". */
void call_print(long returned);
