/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <stdarg.h>
#include <string.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>

#include "proto/util.h"
#include "vkerneld/log.h"

#define FIELDS_MAX 32

static bool to_stderr;

void log_to_stderr(bool on)
{
	to_stderr = on;
}

static int send_journal(int priority, const char *message, const char *const *fields)
{
	char level[16];
	struct iovec iov[FIELDS_MAX + 3];
	int n = 0;

	snprintf(level, sizeof(level), "PRIORITY=%d", priority);
	iov[n++] = (struct iovec){ level, strlen(level) };
	iov[n++] = (struct iovec){ (char *)message, strlen(message) };
	iov[n++] = (struct iovec){ (char *)"SYSLOG_IDENTIFIER=vkerneld", 26 };
	for (; *fields && n < FIELDS_MAX + 3; fields++)
		iov[n++] = (struct iovec){ (char *)*fields, strlen(*fields) };
	return sd_journal_sendv(iov, n);
}

void log_fields(int priority, const char *const *fields, const char *format, ...)
{
	static const char key[] = "MESSAGE=";
	_cleanup_free_ char *text = NULL, *message = NULL;
	va_list ap;
	int r;

	va_start(ap, format);
	r = vasprintf(&text, format, ap);
	va_end(ap);
	if (r < 0) {
		text = NULL;
		return;
	}
	if (asprintf(&message, "%s%s", key, text) < 0) {
		message = NULL;
		return;
	}
	if (send_journal(priority, message, fields) < 0 || to_stderr)
		fprintf(stderr, "vkerneld: %s\n", text);
}
