/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said about a profile on the way. */
#pragma once

#include "vkerneld/profile/policy.h"

/* Keeps the first message; returns @error, so that callers can return it. */
int profile_fail(ProfileReport *r, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void profile_warn(ProfileReport *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * To and from another process: @error, and the report. The second one returns that error, or
 * -EBADMSG; what it reads, and cleans, comes behind what the report has.
 */
int profile_report_write(const ProfileReport *r, int error, int fd);
int profile_report_read(char *bytes, size_t size, ProfileReport *r);

/* Text of a profile as a message can bear it: printable ASCII, in quotes, escaped, cut. */
typedef struct Quoted {
	char text[80];
} Quoted;

Quoted quoted(const char *text, size_t size);
