/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules to the BPF program that seccomp would run, by libseccomp. */
#pragma once

#include <linux/filter.h>

#include "vkerneld/profile/rules.h"

typedef struct Filter {
	struct sock_filter *code;
	size_t n;
} Filter;

void filter_done(Filter *f);

int filter_compile(const Rules *rules, Filter *ret, ProfileReport *report);
