/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "proto/conf.h"

#define BUILD_TIMEOUT_MAX 3600

typedef struct Key {
	const char *name;
	int (*parse)(Conf *c, const char *value);
	const char *wants;
} Key;

void conf_done(Conf *c)
{
	free(c->build_user);
	free(c->runtimes);
	free(c->signing_key);
	free(c->signing_cert);
	*c = (Conf){};
}

static int set_string(char **field, const char *value)
{
	char *s = strdup(value);

	if (!s)
		return -ENOMEM;
	free(*field);
	*field = s;
	return 0;
}

/* One of two words; the first is the default. */
static int set_choice(bool *field, const char *value, const char *no, const char *yes)
{
	bool chosen = strcmp(value, yes) == 0;

	if (!chosen && strcmp(value, no) != 0)
		return -EINVAL;
	*field = chosen;
	return 0;
}

static int parse_on_failure(Conf *c, const char *value)
{
	return set_choice(&c->on_failure_warn, value, "refuse", "warn");
}

static int parse_on_claim(Conf *c, const char *value)
{
	return set_choice(&c->on_claim_kill, value, "refuse", "kill");
}

static int parse_builder(Conf *c, const char *value)
{
	return set_choice(&c->builder_kbuild, value, "template", "kbuild");
}

static int parse_build_user(Conf *c, const char *value)
{
	return value[0] ? set_string(&c->build_user, value) : -EINVAL;
}

static int parse_build_timeout(Conf *c, const char *value)
{
	char *end;
	unsigned long n;

	if (!isdigit((unsigned char)value[0]))
		return -EINVAL;
	n = strtoul(value, &end, 10);
	if (*end || n == 0 || n > BUILD_TIMEOUT_MAX)
		return -EINVAL;
	c->build_timeout = (unsigned int)n;
	return 0;
}

/* Names and absolute paths; what is relative would depend on who calls. */
static int parse_runtimes(Conf *c, const char *value)
{
	const char *word = value;

	if (!*value)
		return -EINVAL;
	for (size_t n; *word; word += n + strspn(word + n, " \t")) {
		n = strcspn(word, " \t");
		if (*word != '/' && memchr(word, '/', n))
			return -EINVAL;
	}
	return set_string(&c->runtimes, value);
}

static int parse_signing_key(Conf *c, const char *value)
{
	return value[0] == '/' ? set_string(&c->signing_key, value) : -EINVAL;
}

static int parse_signing_cert(Conf *c, const char *value)
{
	return value[0] == '/' ? set_string(&c->signing_cert, value) : -EINVAL;
}

static const Key keys[] = {
	{ "OnFailure", parse_on_failure, "refuse or warn" },
	{ "OnClaim", parse_on_claim, "refuse or kill" },
	{ "Builder", parse_builder, "template or kbuild" },
	{ "BuildUser", parse_build_user, "the name of a user" },
	{ "BuildTimeoutSec", parse_build_timeout, "seconds, from 1 to 3600" },
	{ "Runtimes", parse_runtimes, "names or absolute paths of container runtimes" },
	{ "ModuleSigningKey", parse_signing_key, "an absolute path" },
	{ "ModuleSigningCert", parse_signing_cert, "an absolute path" },
};

static char *strip(char *s)
{
	size_t n;

	s += strspn(s, " \t\r\n");
	n = strlen(s);
	while (n > 0 && isspace((unsigned char)s[n - 1]))
		s[--n] = 0;
	return s;
}

static int explain(char **ret, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int explain(char **ret, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	if (vasprintf(ret, format, ap) < 0)
		*ret = NULL;
	va_end(ap);
	return -EINVAL;
}

static int parse_setting(Conf *c, const char *path, unsigned int n, const char *name,
			 const char *value, char **ret_error)
{
	for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
		int r;

		if (strcmp(keys[i].name, name) != 0)
			continue;
		r = keys[i].parse(c, value);
		if (r != -EINVAL)
			return r;
		return explain(ret_error, "%s:%u: %s= wants %s", path, n, name, keys[i].wants);
	}
	return explain(ret_error, "%s:%u: unknown setting '%s'", path, n, name);
}

static int parse_line(Conf *c, const char *path, unsigned int n, char *line, char **ret_error)
{
	char *text = strip(line), *equals;

	if (!text[0] || text[0] == '#')
		return 0;
	equals = strchr(text, '=');
	if (!equals)
		return explain(ret_error, "%s:%u: not a line of the form Key=value", path, n);
	*equals = 0;
	return parse_setting(c, path, n, strip(text), strip(equals + 1), ret_error);
}

static int parse_file(Conf *c, const char *path, FILE *f, char **ret_error)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	int r;

	for (unsigned int n = 1; getline(&line, &size, f) >= 0; n++) {
		r = parse_line(c, path, n, line, ret_error);
		if (r < 0)
			return r;
	}
	return ferror(f) ? -EIO : 0;
}

int conf_load(const char *path, Conf *ret, char **ret_error)
{
	_cleanup_fclose_ FILE *f = NULL;
	_cleanup_conf_ Conf c = { .build_timeout = 240 };
	int r;

	*ret_error = NULL;
	r = set_string(&c.build_user, "vkernel-build");
	if (r >= 0)
		r = set_string(&c.runtimes, "runc crun");
	if (r < 0)
		return r;
	f = fopen(path, "re");
	if (!f && errno != ENOENT) {
		r = -errno;
		explain(ret_error, "%s: %s", path, strerror(-r));
		return r;
	}
	if (f) {
		r = parse_file(&c, path, f, ret_error);
		if (r < 0)
			return r;
	}
	*ret = c;
	c = (Conf){};
	return 0;
}
