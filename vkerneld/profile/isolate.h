/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Work that a hostile profile may turn endless, done where it can be ended. */
#pragma once

#include "vkerneld/profile/report.h"

#define ISOLATED_SECONDS 3

/* Writes its result to @fd. */
typedef int Isolated(const void *arg, int fd, ProfileReport *report);

/*
 * Runs @f in a child process. Returns what it returned, with its message, and what it wrote;
 * -E2BIG if it used up ISOLATED_SECONDS of processor time or its memory; -EINVAL if it crashed.
 */
int isolate(Isolated *f, const void *arg, char **ret, size_t *ret_size, ProfileReport *report);

/* All that the file holds, with a NUL behind it. */
int read_back(int fd, char **ret, size_t *ret_size);
