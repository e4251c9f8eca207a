/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/apparmor/complaint.h"

#include <string.h>

#include "proto/util.h"

#define WARNING "Warning from "
#define ERROR "AppArmor parser error"
#define PREFIX "apparmor_parser: "

typedef struct Message {
	char text[400];
	size_t size;
} Message;

/* Printable, and cut: it quotes the profile. */
static void append(Message *m, const char *text)
{
	for (; *text && m->size + 1 < sizeof(m->text); text++)
		m->text[m->size++] = *text < ' ' || *text > '~' ? '?' : *text;
	m->text[m->size] = '\0';
}

static const char *skip(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0 ? text + strlen(prefix) : NULL;
}

/* "WHO (FILE line N): WHAT": the line is where the profile ends, so no help. */
static void append_warning(Message *m, char *warning)
{
	char *place = strstr(warning, " ("), *what = strstr(warning, "): ");

	if (!place || !what || place > what) {
		append(m, warning);
		return;
	}
	*place = '\0';
	if (strcmp(warning, COMPLAINT_STDIN) != 0) {
		append(m, warning);
		append(m, ": ");
	}
	append(m, what + strlen("): "));
}

/* " for PROFILE in profile FILE at line N: WHAT", or less of it. */
static void append_error(Message *m, char *error)
{
	char *line = strstr(error, " at line "), *file = strstr(error, " in profile ");

	if (!line) {
		append(m, error);
		return;
	}
	*line = '\0';
	line += strlen(" at line ");
	file = file ? file + strlen(" in profile ") : NULL;
	if (file && strcmp(file, COMPLAINT_STDIN) != 0) {
		append(m, file);
		append(m, ":");
	} else {
		append(m, "line ");
	}
	append(m, line);
}

/* One a rule, though they do not say which. */
static bool said_last(const ProfileReport *report, const char *text)
{
	const char *last = report->n_warnings > 0 ? report->warnings[report->n_warnings - 1] : "";
	const size_t length = strlen(last), wanted = strlen(text);

	return length >= wanted && strcmp(last + length - wanted, text) == 0;
}

/* Looks at all of the line: the name of a profile may fill a message, or cut a line in two. */
static bool is_unmediated(const char *line)
{
	return strstr(line, "not enforced") || strstr(line, "Ignoring");
}

static int take_warning(char *line, bool allowed, const ArmorSource *source, ProfileReport *report)
{
	const bool unmediated = is_unmediated(line);
	char *warning = (char *)skip(line, WARNING);
	_cleanup_free_ char *place = NULL;
	Message m = {};

	append_warning(&m, warning ? warning : line);
	if (allowed && said_last(report, m.text))
		return 0;
	/* Nobody would read more. */
	if (unmediated && report->n_warnings < PROFILE_WARNINGS_MAX)
		place = armor_locate(source, m.text);
	if (unmediated && !allowed)
		return profile_fail(report, -EOPNOTSUPP,
				    "%s%s%s: vkernel can not mediate them; drop them or allow that",
				    place ? place : "", place ? ": " : "", m.text);
	profile_warn(report, "%s%s%s", place ? place : "", place ? ": " : "", m.text);
	return 0;
}

static void take_error(Message *m, char *line)
{
	char *error = (char *)skip(line, ERROR);
	const char *plain = skip(line, PREFIX);

	if (m->size)
		append(m, "; ");
	if (error)
		append_error(m, error);
	else
		append(m, plain ? plain : line);
}

int complaint_report(char *text, bool failed, bool unmediated, const ArmorSource *source,
		     ProfileReport *report)
{
	Message m = {};
	char *line;
	int r = 0;

	while (r == 0 && (line = strsep(&text, "\n"))) {
		if (!*line)
			continue;
		if (!failed)
			r = take_warning(line, unmediated, source, report);
		else if (!skip(line, WARNING))
			take_error(&m, line);
	}
	if (r < 0 || !failed)
		return r;
	return profile_fail(report, -EINVAL, "%s",
			    m.size ? m.text : "apparmor_parser refuses the profile without a word");
}
