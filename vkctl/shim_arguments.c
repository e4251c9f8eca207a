// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string.h>

#include "vkctl/shim_arguments.h"

#define NOWHERE ((size_t)-1)

struct runtime_option {
	const char *name;
	char letter;
	bool flag; /* takes no value */
	size_t offset; /* of the field of struct shim_arguments that takes the value */
};

#define FIELD(field) .offset = offsetof(struct shim_arguments, field)
#define VALUE(n)                             \
	{                                    \
		.name = n, .offset = NOWHERE \
	}
#define FLAG(n)                                            \
	{                                                  \
		.name = n, .flag = true, .offset = NOWHERE \
	}

static const struct runtime_option global_options[] = {
	{ .name = "log", FIELD(log) },
	{ .name = "log-format", FIELD(log_format) },
	VALUE("root"),
	VALUE("log-level"),
	VALUE("criu"),
	VALUE("rootless"),
	VALUE("cgroup-manager"),
	FLAG("debug"),
	FLAG("systemd-cgroup"),
	FLAG("no-pivot"),
	FLAG("usage"),
	{ .name = "help", .letter = 'h', .flag = true, .offset = NOWHERE },
	{ .name = "version", .letter = 'v', .flag = true, .offset = NOWHERE },
	{},
};

static const struct runtime_option create_options[] = {
	{ .name = "bundle", .letter = 'b', FIELD(bundle) },
	{ .name = "config", .letter = 'f', FIELD(config) },
	VALUE("console-socket"),
	VALUE("pidfd-socket"),
	VALUE("pid-file"),
	VALUE("preserve-fds"),
	FLAG("no-pivot"),
	FLAG("no-new-keyring"),
	FLAG("no-subreaper"),
	FLAG("keep"),
	FLAG("usage"),
	{ .name = "detach", .letter = 'd', .flag = true, .offset = NOWHERE },
	{ .name = "help", .letter = 'h', .flag = true, .offset = NOWHERE },
	{},
};

static const struct runtime_option exec_options[] = {
	{ .name = "process", .letter = 'p', FIELD(process) },
	{ .name = "env", .letter = 'e', .offset = NOWHERE },
	{ .name = "user", .letter = 'u', .offset = NOWHERE },
	{ .name = "additional-gids", .letter = 'g', .offset = NOWHERE },
	{ .name = "cap", .letter = 'c', .offset = NOWHERE },
	VALUE("console-socket"),
	VALUE("pidfd-socket"),
	VALUE("pid-file"),
	VALUE("preserve-fds"),
	VALUE("cwd"),
	VALUE("process-label"),
	VALUE("apparmor"),
	VALUE("cgroup"),
	FLAG("no-new-privs"),
	FLAG("ignore-paused"),
	FLAG("usage"),
	{ .name = "tty", .letter = 't', .flag = true, .offset = NOWHERE },
	{ .name = "detach", .letter = 'd', .flag = true, .offset = NOWHERE },
	{ .name = "help", .letter = 'h', .flag = true, .offset = NOWHERE },
	{},
};

/* A word that is none of these may be the value of an option that nobody here knows. */
static const char *const verbs[] = {
	"checkpoint", "create", "delete", "events", "exec",  "features", "help",
	"init",	      "kill",	"list",	  "mounts", "pause", "ps",	 "restore",
	"resume",     "run",	"spec",	  "start",  "state", "update",	 "version",
};

struct scan {
	struct shim_arguments *arguments;
	int argc, at;
	char *const *argv;
	const char *unknown; /* an option that is in no table */
};

/* Go's flags take one dash or two, argp's long ones two; letters have one. */
static const struct runtime_option *find_option(const struct runtime_option *options,
						const char *word, const char **ret_value)
{
	const char *name = word + 1 + (word[1] == '-');
	size_t length = strcspn(name, "=");

	*ret_value = name[length] ? name + length + 1 : NULL;
	for (const struct runtime_option *o = options; o->name; o++)
		if ((strncmp(o->name, name, length) == 0 && !o->name[length]) ||
		    (o->letter && *name == o->letter && length == 1))
			return o;
	/* argp's -bDIR */
	for (const struct runtime_option *o = options; o->name && word[1] != '-'; o++)
		if (o->letter && !o->flag && *name == o->letter) {
			*ret_value = name + 1;
			return o;
		}
	return NULL;
}

static void keep_value(struct shim_arguments *arguments, const struct runtime_option *option,
		       const char *value)
{
	if (option->offset != NOWHERE)
		*(const char **)((char *)arguments + option->offset) = value;
}

/* Goes on to the next word that is no option, or to the end. */
static const char *next_word(struct scan *s, const struct runtime_option *options)
{
	while (s->at < s->argc) {
		const char *word = s->argv[s->at++], *value;
		const struct runtime_option *option;

		if (word[0] != '-' || !word[1])
			return word;
		if (strcmp(word, "--") == 0)
			return s->at < s->argc ? s->argv[s->at++] : NULL;
		option = find_option(options, word, &value);
		if (!option)
			s->unknown = word;
		else if (!option->flag && !value && s->at < s->argc)
			value = s->argv[s->at++];
		if (option && !option->flag)
			keep_value(s->arguments, option, value);
	}
	return NULL;
}

static bool is_verb(const char *word)
{
	for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
		if (strcmp(verbs[i], word) == 0)
			return true;
	return false;
}

static int read_create(struct scan *s, struct failure *failure)
{
	struct shim_arguments *a = s->arguments;
	const char *more;

	a->container = next_word(s, create_options);
	/* The runtime says how it is used. */
	if (!a->container)
		return 0;
	more = next_word(s, create_options);
	if (more)
		return failure_set(failure, STATUS_USAGE,
				   "write the options that it does not know as --option=value",
				   "it cannot tell which is the container, %s or %s%s%s",
				   a->container, more, s->unknown ? ", after " : "",
				   s->unknown ?: "");
	if (a->config && strcmp(a->config, "config.json") != 0)
		return failure_set(failure, STATUS_USAGE, "name it config.json",
				   "a configuration of another name is not supported: %s",
				   a->config);
	a->verb = SHIM_CREATE;
	return 0;
}

int shim_arguments_read(struct shim_arguments *arguments, int argc, char *const *argv,
			struct failure *failure)
{
	struct scan s = { .arguments = arguments, .argc = argc, .at = 1, .argv = argv };
	const char *verb = next_word(&s, global_options);

	if (!verb)
		return 0;
	if (s.unknown && !is_verb(verb))
		return failure_set(failure, STATUS_USAGE,
				   "write options that it does not know as --option=value",
				   "it cannot tell what to do: is %s the value of %s?", verb,
				   s.unknown);
	if (strcmp(verb, "create") == 0 || strcmp(verb, "run") == 0)
		return read_create(&s, failure);
	if (strcmp(verb, "restore") == 0)
		arguments->verb = SHIM_RESTORE;
	if (strcmp(verb, "exec") == 0) {
		arguments->verb = SHIM_EXEC;
		arguments->container = next_word(&s, exec_options);
	}
	return 0;
}
