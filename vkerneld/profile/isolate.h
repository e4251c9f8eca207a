/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Work on what others wrote, done where it can be ended and has nothing to take. */
#pragma once

#include <sys/types.h>

#include "vkerneld/profile/report.h"

/* Whose child it is to be: of no privileges, and with no file but its result. */
typedef struct Isolation {
	uid_t uid; /* 0: that of the caller */
	gid_t gid;
	unsigned int seconds; /* of processor time */
} Isolation;

/* Writes its result to @fd. */
typedef int Isolated(const void *arg, int fd, ProfileReport *report);

/*
 * Runs @f in a child process, or in this one if that is such a child. Returns what it returned,
 * with its report, and what it wrote with a NUL behind it; -E2BIG if it used up its time, or wrote
 * too much; -EINVAL if it crashed.
 */
int isolate(const Isolation *as, Isolated *f, const void *arg, char **ret, size_t *ret_size,
	    ProfileReport *report);

/* All that the file holds, with a NUL behind it. */
int read_back(int fd, char **ret, size_t *ret_size);

/* All of it. */
int write_out(int fd, const void *bytes, size_t size);
