/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/profile/report.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "proto/util.h"
#include "vkerneld/profile/isolate.h"

int profile_fail(ProfileReport *r, int error, const char *format, ...)
{
	va_list ap;

	if (r->error)
		return error;
	va_start(ap, format);
	if (vasprintf(&r->error, format, ap) < 0)
		r->error = NULL;
	va_end(ap);
	return r->error ? error : -ENOMEM;
}

/* The place of the next warning; NULL if there is no memory, which loses the warning. */
static char **warning_slot(ProfileReport *r)
{
	if (!r->warnings)
		r->warnings = calloc(PROFILE_WARNINGS_MAX + 2, sizeof(*r->warnings));
	if (!r->warnings)
		return NULL;
	if (r->n_warnings <= PROFILE_WARNINGS_MAX)
		return &r->warnings[r->n_warnings];
	free(r->warnings[PROFILE_WARNINGS_MAX]);
	r->warnings[PROFILE_WARNINGS_MAX] = NULL;
	r->n_warnings = PROFILE_WARNINGS_MAX;
	return &r->warnings[PROFILE_WARNINGS_MAX];
}

void profile_warn(ProfileReport *r, const char *format, ...)
{
	char **slot = warning_slot(r);
	va_list ap;
	int length;

	if (!slot)
		return;
	if (r->n_warnings == PROFILE_WARNINGS_MAX) {
		length = asprintf(slot, "%zu more warnings like these", ++r->n_dropped);
	} else {
		va_start(ap, format);
		length = vasprintf(slot, format, ap);
		va_end(ap);
	}
	if (length < 0)
		*slot = NULL;
	else
		r->n_warnings++;
}

void profile_report_done(ProfileReport *r)
{
	for (size_t i = 0; i < r->n_warnings; i++)
		free(r->warnings[i]);
	free(r->warnings);
	free(r->error);
	*r = (ProfileReport){};
}

/* Behind it come strings with a NUL each: what failed, or none, and the warnings. */
typedef struct Head {
	int32_t error;
	uint32_t n_dropped;
} Head;

int profile_report_write(const ProfileReport *r, int error, int fd)
{
	const Head head = { .error = error, .n_dropped = (uint32_t)r->n_dropped };
	const char *why = r->error ? r->error : "";
	int done = write_out(fd, &head, sizeof(head));

	if (done >= 0)
		done = write_out(fd, why, strlen(why) + 1);
	for (size_t i = 0; done >= 0 && i < r->n_warnings && i < PROFILE_WARNINGS_MAX; i++)
		done = write_out(fd, r->warnings[i], strlen(r->warnings[i]) + 1);
	return done;
}

/* Others see these texts, and the process that wrote them had read what a stranger wrote. */
static void clean(char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (text[i] && text[i] != '\n' && (text[i] < ' ' || text[i] > '~'))
			text[i] = '?';
}

static void read_texts(const char *at, const char *end, int error, ProfileReport *r)
{
	if (*at)
		profile_fail(r, error, "%s", at);
	for (at += strlen(at) + 1; at < end; at += strlen(at) + 1)
		profile_warn(r, "%s", at);
}

int profile_report_read(char *bytes, size_t size, ProfileReport *r)
{
	Head head;

	if (size <= sizeof(head) || bytes[size - 1] != '\0')
		return -EBADMSG;
	memcpy(&head, bytes, sizeof(head));
	if (head.error > 0 || head.error < -4095)
		return -EBADMSG;
	clean(bytes + sizeof(head), size - sizeof(head));
	read_texts(bytes + sizeof(head), bytes + size, head.error, r);
	if (head.n_dropped && r->n_warnings >= PROFILE_WARNINGS_MAX) {
		r->n_dropped += head.n_dropped - 1;
		profile_warn(r, "%s", "");
	}
	return head.error;
}

static size_t escape(char out[5], unsigned char c)
{
	switch (c) {
	case '\n':
		return (size_t)sprintf(out, "\\n");
	case '\t':
		return (size_t)sprintf(out, "\\t");
	case '"':
	case '\\':
		return (size_t)sprintf(out, "\\%c", c);
	}
	return (size_t)sprintf(out, c < 0x20 || c >= 0x7f ? "\\x%02x" : "%c", c);
}

Quoted quoted(const char *text, size_t size)
{
	Quoted q;
	char piece[5];
	size_t i, length, used = 0;
	/* An escape of four bytes, the dots, the quote and the NUL still fit behind this. */
	const size_t limit = sizeof(q.text) - 9;

	q.text[used++] = '"';
	for (i = 0; i < size && used < limit; i++) {
		length = escape(piece, (unsigned char)text[i]);
		memcpy(q.text + used, piece, length);
		used += length;
	}
	strcpy(q.text + used, i < size ? "\"..." : "\"");
	return q;
}
