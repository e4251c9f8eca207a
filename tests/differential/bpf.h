/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The classic BPF machine as the kernel runs it for seccomp. */
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

/* The program's return value; aborts on what the kernel would have refused to load. */
uint32_t bpf_run(const struct sock_filter *code, size_t n, const struct seccomp_data *data);
