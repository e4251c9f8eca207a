// SPDX-License-Identifier: LGPL-2.1-or-later
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "proto/conf.h"
#include "proto/varlink.h"
#include "vkctl/binding.h"
#include "vkctl/call.h"
#include "vkctl/complaint.h"
#include "vkctl/docker.h"
#include "vkctl/input.h"
#include "vkctl/lowlevel.h"
#include "vkctl/move.h"
#include "vkctl/output.h"
#include "vkctl/replace.h"
#include "vkctl/shim.h"
#include "vkctl/shim_arguments.h"

#define EXEC_SECONDS 10

struct shim {
	struct shim_arguments arguments;
	Conf conf;
	char *conf_error; /* why the settings are the default ones, or NULL */
	char *runtime;
	struct container container;
	char *path; /* of its config.json, or NULL */
	int before; /* that file as it was before it was changed, or -EBADF */
};

static void shim_clear(struct shim *s)
{
	conf_done(&s->conf);
	container_clear(&s->container);
	free(s->conf_error);
	free(s->runtime);
	free(s->path);
	closep(&s->before);
}

static void report(const struct shim *s, const struct failure *failure, bool warn)
{
	const char *id = s->arguments.container ?: "vkernel";
	_cleanup_free_ char *why = visible(failure->why ?: "out of memory");
	_cleanup_free_ char *message = NULL;

	if (asprintf(&message, "%s: %s: %s%s%s%s", SHIM_NAME, id, why ?: "",
		     failure->hint ? " (" : "", failure->hint ?: "", failure->hint ? ")" : "") < 0)
		message = NULL;
	fprintf(stderr, "%s\n", message ?: SHIM_NAME ": out of memory");
	if (s->conf_error)
		fprintf(stderr, SHIM_NAME ": %s, ignoring\n", s->conf_error);
	if (warn)
		fputs(SHIM_NAME ": OnFailure=warn: the container starts without a virtual "
				"kernel\n",
		      stderr);
	else
		lowlevel_log(s->arguments.log, s->arguments.log_format, message ?: SHIM_NAME);
	if (s->arguments.verb == SHIM_CREATE)
		complaint_send(failure, id, warn);
}

/* A file that is wrong counts as absent; what reads the output of state and list need not know. */
static int load_conf(struct shim *s)
{
	const char *path = getenv("VKERNEL_CONF") ?: VKERNEL_CONF;

	if (conf_load(path, &s->conf, &s->conf_error) >= 0)
		return 0;
	return conf_load("/dev/null", &s->conf, &(char *){ NULL });
}

static int fail_change(const char *path, int r, struct failure *failure)
{
	return failure_set(failure, STATUS_FAILED, NULL, "changing %s: %s", path, strerror(-r));
}

static int write_config(struct shim *s, struct failure *failure)
{
	size_t length;
	const char *text =
		json_object_to_json_string_length(s->container.config, CONFIG_TEXT, &length);
	int r = text ? replace_file(s->path, text, length) : -ENOMEM;

	return r < 0 ? fail_change(s->path, r, failure) : 0;
}

/* What is open keeps its content when another file takes its name. */
static int change_config(struct shim *s, struct failure *failure)
{
	s->before = open(s->path, O_RDONLY | O_CLOEXEC);
	if (s->before < 0)
		return fail_change(s->path, -errno, failure);
	return write_config(s, failure);
}

static void change_back(struct shim *s)
{
	_cleanup_free_ char *text = NULL;
	size_t length;
	int r;

	if (s->before < 0)
		return;
	r = read_all(s->before, CONFIG_MAX, &text, &length);
	if (r >= 0)
		r = replace_file(s->path, text, length);
	if (r < 0)
		fprintf(stderr, SHIM_NAME ": %s stays changed: %s\n", s->path, strerror(-r));
}

static int read_config(struct shim *s, struct failure *failure)
{
	container_clear(&s->container);
	s->container.id = s->arguments.container;
	return container_from_config(&s->container, s->path, failure);
}

static int make_path(struct shim *s)
{
	if (asprintf(&s->path, "%s/config.json", s->arguments.bundle ?: ".") >= 0)
		return 0;
	s->path = NULL;
	return -ENOMEM;
}

/* Nothing is changed before all is known to be there. */
static int move(struct shim *s, struct failure *failure)
{
	char program[PATH_MAX];
	bool apparmor;
	int r;

	r = read_config(s, failure);
	if (r >= 0)
		r = check_caller(failure);
	if (r >= 0)
		r = docker_name_image(&s->container, s->path, failure);
	if (r >= 0)
		r = program_path(program, failure);
	if (r >= 0)
		r = prepare(&s->container, &apparmor, failure);
	if (r >= 0)
		r = config_move(&s->container, apparmor, program, failure);
	return r < 0 ? r : change_config(s, failure);
}

/* What an earlier start took out of this bundle must not stay away. */
static int move_back(struct shim *s, struct failure *failure)
{
	int r;

	if (!s->container.was_moved)
		return 0;
	r = read_config(s, failure);
	if (r >= 0)
		r = config_restore(&s->container, failure);
	return r < 0 ? r : write_config(s, failure);
}

static int become(struct shim *s, char **argv, struct failure *failure)
{
	int r = lowlevel_become(s->runtime, argv);

	change_back(s);
	return failure_set(failure, STATUS_FAILED, NULL, "starting %s: %s", s->runtime,
			   strerror(-r));
}

static int create(struct shim *s, char **argv, struct failure *failure)
{
	int r = make_path(s);

	if (r >= 0)
		r = move(s, failure);
	if (r < 0 && s->path && s->conf.on_failure_warn) {
		report(s, failure, true);
		r = move_back(s, failure);
	}
	return r < 0 ? r : become(s, argv, failure);
}

/* Whether the container's own kernel enforces that profile, and vkerneld says so. */
static bool is_enforced(const char *container, const char *profile)
{
	_cleanup_json_ json_object *parameters = object_with("container", container);
	_cleanup_json_ json_object *reply = NULL;
	_cleanup_failure_ struct failure failure = {};
	const char *found, *enforced;
	json_object *instance;

	if (!parameters || call("Inspect", parameters, EXEC_SECONDS, &reply, &failure) < 0)
		return false;
	instance = json_get_object(reply, "instance");
	/* Inspect takes the beginning of a name as well. */
	found = instance ? json_get_string(instance, "container") : NULL;
	enforced = instance ? json_get_string(instance, "apparmor") : NULL;
	return found && enforced && strcmp(found, container) == 0 && strcmp(enforced, profile) == 0;
}

static int change_process(const char *path, const char *container)
{
	_cleanup_json_ json_object *process = NULL;
	_cleanup_free_ char *text = NULL;
	const char *profile, *why, *changed;
	size_t length;
	int r;

	r = read_regular(path, CONFIG_MAX, &text, &length);
	if (r >= 0)
		r = parse_object(text, length, &process, &why);
	profile = r >= 0 ? json_get_string(process, "apparmorProfile") : NULL;
	if (!profile || !is_enforced(container, profile))
		return r;
	json_object_object_del(process, "apparmorProfile");
	changed = json_object_to_json_string_length(process, CONFIG_TEXT, &length);
	return changed ? replace_file(path, changed, length) : -ENOMEM;
}

/*
 * A process under AppArmor among others that are not could not be signalled by them. Where this
 * does not work the file stays, and AppArmor confines the process besides its kernel.
 */
static int enter(struct shim *s, char **argv, struct failure *failure)
{
	const struct shim_arguments *a = &s->arguments;

	if (a->process && a->container)
		(void)change_process(a->process, a->container);
	return become(s, argv, failure);
}

static int run(struct shim *s, int argc, char **argv, struct failure *failure)
{
	int r;

	r = shim_arguments_read(&s->arguments, argc, argv, failure);
	if (r >= 0)
		r = load_conf(s);
	if (r >= 0)
		r = lowlevel_find(s->conf.runtimes, &s->runtime, failure);
	if (r < 0)
		return r;
	switch (s->arguments.verb) {
	case SHIM_CREATE:
		return create(s, argv, failure);
	case SHIM_EXEC:
		return enter(s, argv, failure);
	case SHIM_RESTORE:
		return fail_restored(failure);
	default:
		return become(s, argv, failure);
	}
}

int shim_main(int argc, char **argv)
{
	_cleanup_(shim_clear) struct shim s = { .before = -EBADF };
	_cleanup_failure_ struct failure failure = {};

	/* All that does not become the runtime has failed. */
	(void)run(&s, argc, argv, &failure);
	report(&s, &failure, false);
	return STATUS_FAILED;
}
