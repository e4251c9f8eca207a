/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <dirent.h>
#include <stdarg.h>
#include <string.h>

#include "proto/conf.h"

#define BUILD_TIMEOUT_MAX 3600
#define BUILDS_MAX 64
#define BUILD_QUEUE_MAX 65536
#define DROP_INS ".d"

typedef struct Key {
	const char *name;
	int (*parse)(Conf *c, const char *value);
	const char *wants;
} Key;

void conf_done(Conf *c)
{
	free(c->build_user);
	free(c->profile_user);
	free(c->runtimes);
	free(c->signing_key);
	free(c->signing_cert);
	free(c->signing_hash);
	free(c->import_certs);
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

static int parse_profile_user(Conf *c, const char *value)
{
	return value[0] ? set_string(&c->profile_user, value) : -EINVAL;
}

/* Digits alone; ret_end: behind them. */
static int parse_digits(const char *value, uint64_t *ret, const char **ret_end)
{
	char *end;

	if (!isdigit((unsigned char)value[0]))
		return -EINVAL;
	errno = 0;
	*ret = strtoull(value, &end, 10);
	*ret_end = end;
	return errno ? -EINVAL : 0;
}

static int parse_number(unsigned int *field, const char *value, unsigned int min, unsigned int max)
{
	const char *end;
	uint64_t n;
	int r;

	r = parse_digits(value, &n, &end);
	if (r < 0 || *end || n < min || n > max)
		return -EINVAL;
	*field = (unsigned int)n;
	return 0;
}

static int parse_build_timeout(Conf *c, const char *value)
{
	return parse_number(&c->build_timeout, value, 1, BUILD_TIMEOUT_MAX);
}

static int parse_builds_max(Conf *c, const char *value)
{
	return parse_number(&c->builds_max, value, 1, BUILDS_MAX);
}

static int parse_build_queue_max(Conf *c, const char *value)
{
	return parse_number(&c->build_queue_max, value, 1, BUILD_QUEUE_MAX);
}

/* Units are those of systemd: powers of 1024. */
static int parse_cache_max(Conf *c, const char *value)
{
	static const char units[] = "KMGT";
	const char *end, *unit;
	uint64_t n;

	if (strcmp(value, "infinity") == 0) {
		c->cache_max = UINT64_MAX;
		return 0;
	}
	if (parse_digits(value, &n, &end) < 0)
		return -EINVAL;
	if (*end) {
		unit = strchr(units, *end);
		if (!unit || end[1])
			return -EINVAL;
		for (; unit >= units; unit--)
			if (__builtin_mul_overflow(n, UINT64_C(1024), &n))
				return -EINVAL;
	}
	c->cache_max = n;
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

static int parse_import_certs(Conf *c, const char *value)
{
	return value[0] == '/' ? set_string(&c->import_certs, value) : -EINVAL;
}

/* SHA-1 is broken, and SHA-3 is not what the kernels of today are built with. */
static int parse_signing_hash(Conf *c, const char *value)
{
	static const char *const hashes[] = { "sha256", "sha384", "sha512" };

	for (size_t i = 0; i < ELEMENTSOF(hashes); i++)
		if (strcmp(value, hashes[i]) == 0)
			return set_string(&c->signing_hash, value);
	return -EINVAL;
}

static const Key keys[] = {
	{ "OnFailure", parse_on_failure, "refuse or warn" },
	{ "OnClaim", parse_on_claim, "refuse or kill" },
	{ "Builder", parse_builder, "template or kbuild" },
	{ "BuildUser", parse_build_user, "the name of a user" },
	{ "ProfileUser", parse_profile_user, "the name of a user" },
	{ "BuildTimeoutSec", parse_build_timeout, "seconds, from 1 to 3600" },
	{ "BuildsMax", parse_builds_max, "a number from 1 to 64" },
	{ "BuildQueueMax", parse_build_queue_max, "a number from 1 to 65536" },
	{ "CacheMax", parse_cache_max, "bytes, with K, M, G or T behind them, or infinity" },
	{ "Runtimes", parse_runtimes, "names or absolute paths of container runtimes" },
	{ "ModuleSigningKey", parse_signing_key, "an absolute path" },
	{ "ModuleSigningCert", parse_signing_cert, "an absolute path" },
	{ "ModuleSigningHash", parse_signing_hash, "sha256, sha384 or sha512" },
	{ "ModuleImportCerts", parse_import_certs, "the absolute path of a folder" },
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
	return explain(ret_error, "%s:%u: unknown setting '%s'; see vkernel.conf(5)", path, n,
		       name);
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

static int parse_stream(Conf *c, const char *path, FILE *f, char **ret_error)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	int r;

	for (unsigned int n = 1; getline(&line, &size, f) >= 0; n++) {
		r = parse_line(c, path, n, line, ret_error);
		if (r < 0)
			return r;
	}
	return ferror(f) ? -errno : 0;
}

static int explain_errno(char **ret, const char *path, int r)
{
	explain(ret, "%s: %s", path, strerror(-r));
	return r;
}

static int parse_file(Conf *c, const char *path, char **ret_error)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	int r;

	/* A drop-in that went away meanwhile is none either. */
	if (!f)
		return errno == ENOENT ? 0 : explain_errno(ret_error, path, -errno);
	r = parse_stream(c, path, f, ret_error);
	return r < 0 && !*ret_error ? explain_errno(ret_error, path, r) : r;
}

/* Paths, in the order of their last parts, of which each is there once. */
typedef struct DropIns {
	char **paths;
	size_t n;
} DropIns;

static void drop_ins_done(DropIns *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->paths[i]);
	free(d->paths);
}

static const char *last_part(const char *path)
{
	return strrchr(path, '/') + 1;
}

static int add_drop_in(DropIns *d, const char *folder, const char *name)
{
	char **more, *path;
	size_t at = 0;
	int order = 1;

	while (at < d->n && (order = strcmp(last_part(d->paths[at]), name)) < 0)
		at++;
	if (at < d->n && order == 0)
		return 0;
	more = reallocarray(d->paths, d->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	d->paths = more;
	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return -ENOMEM;
	memmove(more + at + 1, more + at, (d->n - at) * sizeof(*more));
	more[at] = path;
	d->n++;
	return 0;
}

static int is_drop_in(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return e->d_name[0] != '.' && dot && strcmp(dot, ".conf") == 0;
}

static int add_folder(DropIns *d, const char *folder, char **ret_error)
{
	struct dirent **entries;
	int n, r = 0;

	n = scandir(folder, &entries, is_drop_in, NULL);
	if (n < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : explain_errno(ret_error, folder, -errno);
	for (int i = 0; i < n; i++) {
		if (r >= 0)
			r = add_drop_in(d, folder, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int parse_all(Conf *c, const char *path, const char *const *folders, char **ret_error)
{
	_cleanup_(drop_ins_done) DropIns d = {};
	int r;

	r = parse_file(c, path, ret_error);
	for (; r >= 0 && *folders; folders++)
		r = add_folder(&d, *folders, ret_error);
	for (size_t i = 0; r >= 0 && i < d.n; i++)
		r = parse_file(c, d.paths[i], ret_error);
	return r;
}

int conf_load_folders(const char *path, const char *const *folders, Conf *ret, char **ret_error)
{
	_cleanup_conf_ Conf c = {
		.build_timeout = 240,
		.builds_max = 1,
		.build_queue_max = 256,
		.cache_max = 256u << 20,
	};
	int r;

	*ret_error = NULL;
	r = set_string(&c.build_user, "vkernel-build");
	if (r >= 0)
		r = set_string(&c.profile_user, "vkernel-profile");
	if (r >= 0)
		r = set_string(&c.runtimes, "runc crun");
	if (r >= 0)
		r = set_string(&c.signing_hash, "sha256");
	if (r >= 0)
		r = parse_all(&c, path, folders, ret_error);
	if (r < 0)
		return r;
	*ret = c;
	c = (Conf){};
	return 0;
}

int conf_load(const char *path, Conf *ret, char **ret_error)
{
	static const char *const usual[] = {
		VKERNEL_CONF DROP_INS,
		"/run/vkernel/vkernel.conf" DROP_INS,
		"/usr/local/lib/vkernel/vkernel.conf" DROP_INS,
		"/usr/lib/vkernel/vkernel.conf" DROP_INS,
		NULL,
	};
	_cleanup_free_ char *beside = NULL;

	*ret_error = NULL;
	if (strcmp(path, VKERNEL_CONF) == 0)
		return conf_load_folders(path, usual, ret, ret_error);
	if (asprintf(&beside, "%s" DROP_INS, path) < 0) {
		beside = NULL;
		return -ENOMEM;
	}
	return conf_load_folders(path, (const char *const[]){ beside, NULL }, ret, ret_error);
}
