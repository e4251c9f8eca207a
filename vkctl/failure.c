// SPDX-License-Identifier: LGPL-2.1-or-later
#include <stdarg.h>
#include <string.h>

#include "proto/varlink.h"
#include "vkctl/failure.h"
#include "vkctl/output.h"

#define ERROR_PREFIX VKERNEL_INTERFACE "."

void failure_clear(struct failure *failure)
{
	free(failure->why);
	free(failure->hint);
	free(failure->output);
	*failure = (struct failure){};
}

int failure_set(struct failure *failure, enum status status, const char *hint, const char *why, ...)
{
	va_list args;

	failure_clear(failure);
	failure->status = status;
	va_start(args, why);
	if (vasprintf(&failure->why, why, args) < 0)
		failure->why = NULL;
	va_end(args);
	if (hint)
		failure->hint = strdup(hint);
	return -EREMOTEIO;
}

/*
 * How each error reads. why takes the subject, a field of the error; without one, the error's own
 * message is the reason. The error's own hint goes before the one here.
 */
static const struct {
	const char *error;
	enum status status;
	const char *subject;
	const char *others; /* the field with the list of those concerned */
	const char *before, *behind;
	const char *hint;
} readings[] = {
	{ "NoSuchPolicy", STATUS_NOT_FOUND, "name", NULL, "no policy is called ", "",
	  "'vkctl policy list' shows the policies, 'vkctl policy add NAME FILE' adds one" },
	{ "NoSuchContainer", STATUS_NOT_FOUND, "container", NULL, "no virtual kernel is bound to ",
	  "", "'vkctl list' shows the containers that have one" },
	{ "Ambiguous", STATUS_NOT_FOUND, "container", "matches", "more than one name begins with ",
	  ": ", "give more of the name, or the ID that 'vkctl list' shows" },
	{ "NoSuchModule", STATUS_NOT_FOUND, "module", NULL, "no policy or module is called ", "",
	  "'vkctl policy list' shows what is loaded" },
	{ "NoSuchEntry", STATUS_NOT_FOUND, "entry", NULL, "nothing in the cache is called ", "",
	  "'vkctl cache list' shows what there is" },
	{ "EntryInUse", STATUS_IN_USE, "key", NULL, "it is in use: ", "", NULL },
	{ "NoSuchProcess", STATUS_NOT_FOUND, "pid", NULL, "there is no process ", "",
	  "the container's first process was gone before it could be bound" },
	{ "AlreadyBound", STATUS_IN_USE, "container", NULL, "a virtual kernel is already bound to ",
	  "", "'vkctl inspect CONTAINER' shows it" },
	{ "InUse", STATUS_IN_USE, "name", "containers", "", " is in use by ",
	  "stop these containers first" },
	{ "PermissionDenied", STATUS_PERMISSION, NULL, NULL,
	  "only root and the group vkernel may talk to vkerneld", "",
	  "run it as root, or as a member of the group vkernel" },
	{ "BuildFailed", STATUS_FAILED, NULL, NULL, "the module could not be built", "", NULL },
	{ "QueueFull", STATUS_FAILED, NULL, NULL, "too many builds wait already", "",
	  "try again later" },
	{ "LimitExceeded", STATUS_FAILED, NULL, NULL, "it is beyond a limit of vkerneld's", "",
	  "vkerneld(8) has the limits" },
	{ "InvalidProfile", STATUS_FAILED, NULL, NULL, "the profile is not valid", "", NULL },
	{ "KernelMissing", STATUS_FAILED, NULL, NULL, "the core is not in the kernel", "",
	  "'vkctl status' says what is missing" },
	{ "Unsupported", STATUS_FAILED, NULL, NULL, "this kernel does not support it", "",
	  "'vkctl status' says what this host can do" },
	{ "Failed", STATUS_FAILED, NULL, NULL, "it failed", "",
	  "'journalctl -u vkerneld' has the details" },
};

static char *field(struct json_object *parameters, const char *name)
{
	struct json_object *value;

	if (!name || !json_object_object_get_ex(parameters, name, &value) || !value)
		return NULL;
	if (json_object_is_type(value, json_type_array))
		return show_list(value);
	return strdup(json_object_get_string(value));
}

static int failure_protocol(struct failure *failure, const char *error,
			    struct json_object *parameters)
{
	_cleanup_free_ char *parameter = field(parameters, "parameter");

	if (strcmp(error, "org.varlink.service.InvalidParameter") == 0 && parameter)
		return failure_set(failure, STATUS_FAILED,
				   "'vkctl COMMAND --help' says what it takes",
				   "vkerneld does not take this %s", parameter);
	return failure_set(failure, STATUS_FAILED,
			   "are vkctl and vkerneld of the same version? 'vkctl status' shows it",
			   "vkerneld answered %s", error);
}

int failure_from_error(struct failure *failure, const char *error, struct json_object *parameters)
{
	_cleanup_free_ char *message = field(parameters, "message");
	_cleanup_free_ char *hint = field(parameters, "hint");
	size_t i;

	if (strncmp(error, ERROR_PREFIX, strlen(ERROR_PREFIX)) != 0)
		return failure_protocol(failure, error, parameters);
	for (i = 0; i < ELEMENTSOF(readings); i++) {
		_cleanup_free_ char *subject = field(parameters, readings[i].subject);
		_cleanup_free_ char *others = field(parameters, readings[i].others);

		if (strcmp(error + strlen(ERROR_PREFIX), readings[i].error) != 0)
			continue;
		if (message)
			failure_set(failure, readings[i].status, hint ?: readings[i].hint, "%s",
				    message);
		else
			failure_set(failure, readings[i].status, hint ?: readings[i].hint,
				    "%s%s%s%s", readings[i].before, subject ?: "",
				    readings[i].behind, others ?: "");
		failure->output = field(parameters, "output");
		return -EREMOTEIO;
	}
	return failure_protocol(failure, error, parameters);
}

static void print_output(const char *output)
{
	const char *line = output;

	while (*line) {
		size_t length = strcspn(line, "\n");
		_cleanup_free_ char *raw = strndup(line, length);
		_cleanup_free_ char *shown = raw ? visible(raw) : NULL;

		fprintf(stderr, "  | %s\n", shown ?: "");
		line += length;
		line += *line == '\n';
	}
}

int failure_report(const struct failure *failure, const char *what)
{
	_cleanup_free_ char *why = visible(failure->why ?: "out of memory");
	_cleanup_free_ char *subject = visible(what);

	fprintf(stderr, "vkctl: %s: %s\n", subject ?: "", why ?: "");
	if (failure->output && *failure->output)
		print_output(failure->output);
	if (failure->hint) {
		_cleanup_free_ char *hint = visible(failure->hint);

		fprintf(stderr, "hint: %s\n", hint ?: "");
	}
	return failure->status ?: STATUS_FAILED;
}
