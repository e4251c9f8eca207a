// SPDX-License-Identifier: LGPL-2.1-or-later
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "proto/conf.h"
#include "vkctl/arguments.h"
#include "vkctl/binding.h"
#include "vkctl/call.h"
#include "vkctl/complaint.h"
#include "vkctl/input.h"
#include "vkctl/output.h"
#include "vkctl/precreate.h"

enum stage { STAGE_BIND, STAGE_UNBIND };

static const struct {
	const char *name;
	enum stage stage;
} stages[] = {
	{ "createRuntime", STAGE_BIND },
	{ "prestart", STAGE_BIND },
	{ "poststop", STAGE_UNBIND },
};

/* Of the stage's name, or of the state: runtimes do not agree on its status while they create. */
static int find_stage(const char *name, const struct container *container, enum stage *ret,
		      struct failure *failure)
{
	size_t i;

	if (!name) {
		*ret = container->status && strcmp(container->status, "stopped") == 0 ? STAGE_UNBIND
										      : STAGE_BIND;
		return 0;
	}
	for (i = 0; i < ELEMENTSOF(stages); i++)
		if (strcmp(stages[i].name, name) == 0) {
			*ret = stages[i].stage;
			return 0;
		}
	return failure_set(failure, STATUS_USAGE,
			   "the stages are precreate, createRuntime, prestart, poststop",
			   "%s is no stage of vkctl's", name);
}

static int check_restored(int64_t pid, struct failure *failure)
{
	char path[64], exe[PATH_MAX];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%" PRId64 "/exe", pid);
	length = readlink(path, exe, sizeof(exe) - 1);
	if (length < 0)
		return 0; /* The daemon tells of a process that is gone. */
	exe[length] = '\0';
	if (strcmp(basename(exe), "criu") != 0)
		return 0;
	return fail_restored(failure);
}

static int bind_container(struct container *container, struct failure *failure)
{
	_cleanup_json_ json_object *parameters = NULL;
	int r;

	r = check_caller(failure);
	if (r < 0)
		return r;
	if (container->pid <= 0 || container->pid > INT32_MAX)
		return failure_set(failure, STATUS_FAILED,
				   "use the stage createRuntime: the container's own stages do "
				   "not see it",
				   "the container's state has no process id");
	r = check_restored(container->pid, failure);
	if (r >= 0)
		r = container_from_bundle(container, failure);
	if (r < 0)
		return r;
	parameters = binding_parameters(container);
	if (!parameters)
		return -ENOMEM;
	return call("Bind", parameters, BINDING_SECONDS, NULL, failure);
}

/* The core may have let go of it by itself. */
static int unbind_container(const struct container *container, struct failure *failure)
{
	_cleanup_json_ json_object *parameters = object_with("container", container->id);
	int r;

	if (!parameters)
		return -ENOMEM;
	r = call("Unbind", parameters, BINDING_SECONDS, NULL, failure);
	return r < 0 && failure->status == STATUS_NOT_FOUND ? 0 : r;
}

static int run_stage(const char *name, struct container *container, struct failure *failure)
{
	_cleanup_free_ char *text = NULL;
	enum stage stage = STAGE_BIND;
	size_t length;
	int r;

	r = read_all(STDIN_FILENO, STATE_MAX, &text, &length);
	if (r < 0)
		return failure_set(failure, STATUS_FAILED, NULL,
				   "the container state cannot be read: %s",
				   r == -EFBIG ? "it is over the limit of 1 MiB" : strerror(-r));
	r = container_from_state(container, text, length, failure);
	if (r >= 0)
		r = find_stage(name, container, &stage, failure);
	if (r < 0)
		return r;
	return stage == STAGE_BIND ? bind_container(container, failure)
				   : unbind_container(container, failure);
}

static bool only_warn(void)
{
	const char *path = getenv("VKERNEL_CONF") ?: VKERNEL_CONF;
	_cleanup_conf_ Conf conf = {};
	_cleanup_free_ char *error = NULL;

	if (conf_load(path, &conf, &error) < 0) {
		fprintf(stderr, "vkctl: hook: %s, ignoring\n", error ?: path);
		return false;
	}
	return conf.on_failure_warn;
}

/*
 * The runtime shows the standard error to whom it likes; the journal has it for sure. Without what
 * was moved out of its configuration, the container must not start in any case.
 */
static int complain(const struct failure *failure, const struct container *container)
{
	bool warn = failure->status != STATUS_USAGE && !container->was_moved && only_warn();
	int r = failure_report(failure, container->id ?: "hook");

	if (warn)
		fputs("vkctl: OnFailure=warn: the container starts without a virtual kernel\n",
		      stderr);
	complaint_send(failure, container->id ?: "hook", warn);
	return warn ? STATUS_OK : r;
}

/* A container that only gets a warning starts by the config as it came. */
static int run_precreate(void)
{
	_cleanup_failure_ struct failure failure = {};
	_cleanup_container_ struct container container = {};
	_cleanup_free_ char *text = NULL;
	int r = precreate(&container, &text, &failure);

	if (r >= 0)
		return STATUS_OK;
	r = complain(&failure, &container);
	if (r == STATUS_OK)
		puts(text ?: "");
	return r;
}

static int run(int argc, char **argv)
{
	struct arguments arguments = { .max = 1 };
	_cleanup_failure_ struct failure failure = {};
	_cleanup_container_ struct container container = {};
	int r;

	arguments_parse(
		&arguments, "[precreate|createRuntime|prestart|poststop]",
		"Bind a container to its virtual kernel, or take it back: an OCI runtime hook.\v"
		"The container's state comes on the standard input, as runtimes pass it to "
		"their hooks. Without a stage, the state's status decides. In podman's stage "
		"precreate, its config comes there, and goes to the standard output without the "
		"seccomp filter, which the virtual kernel has in its place.",
		false, argc, argv);
	if (arguments.word[0] && strcmp(arguments.word[0], "precreate") == 0)
		return run_precreate();
	r = run_stage(arguments.word[0], &container, &failure);
	return r < 0 ? complain(&failure, &container) : STATUS_OK;
}

const struct verb verb_hook = {
	.name = "hook",
	.arguments = "[STAGE]",
	.summary = "what container runtimes run at a container's start and end",
	.run = run,
};
