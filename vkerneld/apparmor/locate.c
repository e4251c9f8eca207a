/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/apparmor/locate.h"

#include <ctype.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "proto/util.h"
#include "vkerneld/profile/report.h"

#define DEPTH_MAX 16
#define FILES_MAX 256
#define FILE_SIZE_MAX (1u << 20)
#define BYTES_MAX (8u << 20)
#define RULE_SHOWN 60

/* What rules of a kind begin with: also the words by which the parser complains of them. */
static const char *const kinds[] = { "dbus",   "unix",	 "mqueue", "userns", "io_uring",
				     "ptrace", "signal", "mount",  "network" };

typedef struct Search {
	const char *kind, *includes;
	unsigned int files;
	size_t left; /* bytes to look at */
	char *found;
} Search;

static bool is_word(const char *at, const char *word, size_t size)
{
	const size_t length = strlen(word);

	return size >= length && memcmp(at, word, length) == 0 &&
	       (size == length || (!isalnum((unsigned char)at[length]) && at[length] != '_'));
}

/* The last one: before it comes the profile's name, which may be any. */
static const char *kind_of(const char *complaint)
{
	const char *last = complaint, *kind = NULL;

	for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
		for (const char *at = last; (at = strstr(at, kinds[i])); at++)
			if (is_word(at, kinds[i], strlen(at))) {
				last = at;
				kind = kinds[i];
			}
	return kind;
}

static const char *skip_blank(const char *at, const char *end)
{
	while (at < end && isblank((unsigned char)*at))
		at++;
	return at;
}

/* What may stand before a rule. */
static const char *skip_qualifiers(const char *at, const char *end)
{
	static const char *const words[] = { "audit", "deny", "allow", "quiet", "owner", "other" };

	for (size_t i = 0; i < ELEMENTSOF(words); i++)
		if (is_word(at, words[i], (size_t)(end - at))) {
			at = skip_blank(at + strlen(words[i]), end);
			i = (size_t)-1;
		}
	return at;
}

/* A rule begins with the line, or behind another one or a brace. */
static const char *find_rule(const char *kind, const char *line, const char *end)
{
	const char *at = skip_blank(line, end);

	while (at < end && *at != '#') {
		at = skip_qualifiers(at, end);
		if (is_word(at, kind, (size_t)(end - at)))
			return at;
		while (at < end && *at != ',' && *at != '{' && *at != '}')
			at++;
		at = at < end ? skip_blank(at + 1, end) : end;
	}
	return NULL;
}

static void note(Search *s, const char *file, unsigned int line, const char *rule, const char *end)
{
	const char *stop = memchr(rule, ',', (size_t)(end - rule));
	const size_t size = (size_t)((stop ? stop + 1 : end) - rule);
	const Quoted shown = quoted(rule, size < RULE_SHOWN ? size : RULE_SHOWN);
	const Quoted name = quoted(file ? file : "", file ? strlen(file) : 0);

	if (asprintf(&s->found, "%s%sline %u, %s", file ? name.text : "", file ? ", " : "", line,
		     shown.text) < 0)
		s->found = NULL;
}

static void search_text(Search *s, const char *file, const char *text, size_t size,
			unsigned int depth);

/* Nothing but what lies in the folder: whoever reads is not who wrote. */
static void search_file(Search *s, const char *file, unsigned int depth)
{
	const struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
				      .resolve = RESOLVE_BENEATH };
	_cleanup_close_ int folder = open(s->includes, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *text = NULL;
	struct stat st;
	ssize_t n;

	if (folder < 0 || depth > DEPTH_MAX || s->files++ >= FILES_MAX)
		return;
	fd = (int)syscall(SYS_openat2, folder, file, &how, sizeof(how));
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_SIZE_MAX)
		return;
	text = malloc((size_t)st.st_size + 1);
	n = text ? read(fd, text, (size_t)st.st_size) : -1;
	if (n > 0)
		search_text(s, file, text, (size_t)n, depth);
}

/* include <FILE>, also with a '#' before it, or "if exists" within. */
static void search_include(Search *s, const char *line, const char *end, unsigned int depth)
{
	const char *at = skip_blank(line, end), *close;
	_cleanup_free_ char *file = NULL;

	if (at < end && *at == '#')
		at++;
	if (!is_word(at, "include", (size_t)(end - at)))
		return;
	at = memchr(at, '<', (size_t)(end - at));
	close = at ? memchr(at, '>', (size_t)(end - at)) : NULL;
	if (!close)
		return;
	file = strndup(at + 1, (size_t)(close - at - 1));
	if (file)
		search_file(s, file, depth + 1);
}

static void search_text(Search *s, const char *file, const char *text, size_t size,
			unsigned int depth)
{
	const char *end = text + size, *next;
	unsigned int number = 1;

	if (size > s->left)
		return;
	s->left -= size;
	for (const char *line = text; line < end && !s->found; line = next + 1, number++) {
		const char *rule;

		next = memchr(line, '\n', (size_t)(end - line)) ?: end;
		rule = find_rule(s->kind, line, next);
		if (rule)
			note(s, file, number, rule, next);
		else
			search_include(s, line, next, depth);
	}
}

char *armor_locate(const ArmorSource *source, const char *complaint)
{
	Search s = { .kind = kind_of(complaint), .includes = source->includes, .left = BYTES_MAX };

	if (s.kind)
		search_text(&s, NULL, source->text, source->size, 0);
	return s.found;
}
