/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* To the journal, and to stderr when a person runs the daemon. */
#pragma once

#include <stdbool.h>
#include <syslog.h>

/* fields: "NAME=value" each, as sd_journal_send() takes them after the message; NULL ends. */
void log_fields(int priority, const char *const *fields, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define log_message(priority, ...) log_fields(priority, (const char *const[]){ NULL }, __VA_ARGS__)

void log_to_stderr(bool on);
