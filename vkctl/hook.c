// SPDX-License-Identifier: LGPL-2.1-or-later
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <systemd/sd-journal.h>

#include "proto/conf.h"
#include "vkctl/arguments.h"
#include "vkctl/bundle.h"
#include "vkctl/call.h"
#include "vkctl/input.h"
#include "vkctl/output.h"

/* A first start may compile the core and a module; the time-out in hooks.d is longer. */
#define ANSWER_SECONDS 520

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
			   "the stages are createRuntime, prestart, poststop",
			   "%s is no stage of vkctl's", name);
}

/* The inode numbers of the initial namespaces are the kernel's ABI. */
static bool in_initial_namespace(const char *path, ino_t inode)
{
	struct stat st;

	return stat(path, &st) < 0 || st.st_ino == inode;
}

static int check_caller(struct failure *failure)
{
	if (geteuid() != 0 || !in_initial_namespace("/proc/self/ns/user", 0xeffffffd))
		return failure_set(
			failure, STATUS_PERMISSION,
			"run the container engine as root (sudo podman run …)",
			"a rootless container cannot have a virtual kernel: its engine is "
			"not the host's root");
	/* A pid from there would name another process, or none. */
	if (!in_initial_namespace("/proc/self/ns/pid", 0xeffffffc))
		return failure_set(failure, STATUS_FAILED,
				   "run the container engine on the host, not in a container",
				   "the container runtime runs in a pid namespace of its own");
	return 0;
}

/*
 * criu makes a container's processes by fork, and they go on where they were: without an execve
 * none of them would come to run on the virtual kernel.
 */
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
	return failure_set(failure, STATUS_FAILED, "start a new container in its place",
			   "a container that is restored from a checkpoint cannot have a virtual "
			   "kernel");
}

/* Where the config names no capabilities, runc and crun take all of them from the container. */
static json_object *given_capabilities(const struct container *container)
{
	return container->capabilities ? json_object_get(container->capabilities)
				       : json_object_new_array();
}

static json_object *bind_parameters(const struct container *container)
{
	_cleanup_json_ json_object *parameters = object_with("container", container->id);
	int r = parameters ? json_add_int(parameters, "pid", container->pid) : -ENOMEM;

	if (r >= 0 && container->seccomp)
		r = json_add(parameters, "seccomp", json_object_get(container->seccomp));
	if (r >= 0)
		r = json_add(parameters, "capabilities", given_capabilities(container));
	if (r >= 0)
		r = json_add_string(parameters, "policy", container->policy);
	if (r >= 0)
		r = json_add_string(parameters, "image", container->image);
	if (r >= 0)
		r = json_add_string(parameters, "apparmor", container->apparmor);
	return r < 0 ? NULL : TAKE_PTR(parameters);
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
	parameters = bind_parameters(container);
	if (!parameters)
		return -ENOMEM;
	return call("Bind", parameters, ANSWER_SECONDS, NULL, failure);
}

/* The core may have let go of it by itself. */
static int unbind_container(const struct container *container, struct failure *failure)
{
	_cleanup_json_ json_object *parameters = object_with("container", container->id);
	int r;

	if (!parameters)
		return -ENOMEM;
	r = call("Unbind", parameters, ANSWER_SECONDS, NULL, failure);
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

/* The runtime shows the standard error to whom it likes; the journal has it for sure. */
static int complain(const struct failure *failure, const char *container)
{
	bool warn = failure->status != STATUS_USAGE && only_warn();
	_cleanup_free_ char *why = visible(failure->why ?: "out of memory");
	_cleanup_free_ char *id = visible(container);
	int r = failure_report(failure, container);

	if (warn)
		fputs("vkctl: OnFailure=warn: the container starts without a virtual kernel\n",
		      stderr);
	sd_journal_send("MESSAGE=container %s %s: %s", id ?: "",
			warn ? "starts without a virtual kernel" : "has no virtual kernel",
			why ?: "", "PRIORITY=%d", warn ? LOG_WARNING : LOG_ERR,
			"SYSLOG_IDENTIFIER=vkctl", "VKERNEL_CONTAINER=%s", id ?: "",
			"VKERNEL_HINT=%s", failure->hint ?: "", NULL);
	return warn ? STATUS_OK : r;
}

static int run(int argc, char **argv)
{
	struct arguments arguments = { .max = 1 };
	_cleanup_failure_ struct failure failure = {};
	_cleanup_container_ struct container container = {};
	int r;

	arguments_parse(
		&arguments, "[createRuntime|prestart|poststop]",
		"Bind a container to its virtual kernel, or take it back: an OCI runtime hook.\v"
		"The container's state comes on the standard input, as runtimes pass it to "
		"their hooks. Without a stage, the state's status decides.",
		false, argc, argv);
	r = run_stage(arguments.word[0], &container, &failure);
	return r < 0 ? complain(&failure, container.id ?: "hook") : STATUS_OK;
}

const struct verb verb_hook = {
	.name = "hook",
	.arguments = "[STAGE]",
	.summary = "what container runtimes run at a container's start and end",
	.run = run,
};
