// SPDX-License-Identifier: LGPL-2.1-or-later
#include <fcntl.h>
#include <string.h>

#include "vkctl/arguments.h"
#include "vkctl/call.h"
#include "vkctl/input.h"
#include "vkctl/output.h"
#include "vkctl/policy.h"

struct profile {
	struct arguments arguments; /* first: arguments_key() */
	json_object *list; /* images to map, or capabilities to read it for; owned */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct profile *profile = state->input;

	if (key != 'i' && key != 'c')
		return arguments_key(key, arg, state);
	if (!profile->list)
		profile->list = json_object_new_array();
	return profile->list && json_append_string(profile->list, arg) >= 0 ? 0 : ENOMEM;
}

static int read_profile(const char *path, char **ret, size_t *ret_length)
{
	_cleanup_close_ int fd = -EBADF;

	if (strcmp(path, "-") == 0)
		return read_all(STDIN_FILENO, PROFILE_MAX, ret, ret_length);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	return read_all(fd, PROFILE_MAX, ret, ret_length);
}

/* Adds the profile to the call's parameters. */
static int add_profile(json_object *parameters, const char *path, struct failure *failure)
{
	_cleanup_free_ char *text = NULL;
	size_t length;
	int r = read_profile(path, &text, &length);

	if (r == -EFBIG)
		return failure_set(failure, STATUS_FAILED,
				   "is it a seccomp profile? these take some KiB",
				   "it is over the limit of 4 MiB for a profile");
	if (r < 0)
		return failure_set(failure, STATUS_FAILED, NULL, "%s", strerror(-r));
	if (!is_text(text, length))
		return failure_set(failure, STATUS_FAILED,
				   "a profile is JSON, in UTF-8: is this the right file?",
				   "it is no text");
	return json_add_string(parameters, "profile", text);
}

static void print_warnings(json_object *warnings, const char *path)
{
	size_t i;

	for (i = 0; warnings && i < json_object_array_length(warnings); i++) {
		_cleanup_free_ char *warning = visible(
			json_object_get_string(json_object_array_get_idx(warnings, i)) ?: "");

		fprintf(stderr, "vkctl: %s: warning: %s\n", path, warning ?: "");
	}
}

/* Adds what both verbs take, asks, and shows what the daemon said about the profile. */
static int submit(const char *method, json_object *parameters, const char *list_name,
		  struct profile *profile, const char *path, json_object **ret,
		  struct failure *failure)
{
	int r = parameters ? 0 : -ENOMEM;

	if (r >= 0 && profile->list)
		r = json_add(parameters, list_name, json_object_get(profile->list));
	if (r >= 0)
		r = add_profile(parameters, path, failure);
	if (r >= 0)
		r = call(method, parameters, 0, ret, failure);
	json_object_put(profile->list);
	profile->list = NULL;
	if (r >= 0)
		print_warnings(json_get_array(*ret, "warnings"), path);
	return r;
}

static const struct argp_option add_options[] = {
	{ "image", 'i', "PATTERN", 0, "Containers of this image get the policy; may be given again",
	  0 },
	{},
};

static const struct argp add_argp = {
	.options = add_options,
	.parser = parse,
	.args_doc = "NAME FILE",
	.doc = "Keep a seccomp profile, in Docker's format or OCI's, as the policy NAME.\v"
	       "FILE may be - for the standard input. A policy of that name is replaced; containers "
	       "that run on it keep the one they have.",
	.children = json_option,
};

static int print_added(json_object *reply)
{
	json_object *policy = json_get_object(reply, "policy");

	if (output_is_json())
		return output_json(reply);
	printf("%s: %s\n", json_get_string(policy, "name") ?: "?",
	       json_get_string(policy, "module") ?: "?");
	return 0;
}

static int run_add(int argc, char **argv)
{
	struct profile profile = { .arguments = { .min = 2, .max = 2 } };
	_cleanup_failure_ struct failure failure = {};
	_cleanup_json_ json_object *parameters = NULL, *reply = NULL;
	const char *path;
	int r;

	argp_parse(&add_argp, argc, argv, 0, NULL, &profile);
	path = profile.arguments.word[1];
	if (!is_text(profile.arguments.word[0], strlen(profile.arguments.word[0]))) {
		failure_set(&failure, STATUS_FAILED, "use letters, digits, '-', '_' and '.'",
			    "the policy's name is no text");
		return failure_report(&failure, "policy add");
	}
	parameters = object_with("name", profile.arguments.word[0]);
	r = submit("AddPolicy", parameters, "images", &profile, path, &reply, &failure);
	if (r >= 0)
		r = print_added(reply);
	return r < 0 ? failure_report(&failure, path) : STATUS_OK;
}

const struct verb verb_policy_add = {
	.name = "add",
	.arguments = "NAME FILE [--image PATTERN]",
	.summary = "keep a profile as a policy",
	.run = run_add,
};

static const struct argp_option check_options[] = {
	{ "capability", 'c', "CAP", 0,
	  "Read it for a container with this capability (CAP_SYS_ADMIN); may be given again. "
	  "Without it, for Docker's default set",
	  0 },
	{},
};

static const struct argp check_argp = {
	.options = check_options,
	.parser = parse,
	.args_doc = "FILE",
	.doc = "Read a profile, keep nothing, and show what it would not just allow.\v"
	       "FILE may be - for the standard input.",
	.children = json_option,
};

static int print_checked(json_object *reply)
{
	if (output_is_json())
		return output_json(reply);
	printf("Digest: %s\n\n", json_get_string(reply, "digest") ?: "?");
	return print_calls(json_get_object(reply, "calls"));
}

static int run_check(int argc, char **argv)
{
	struct profile profile = { .arguments = { .min = 1, .max = 1 } };
	_cleanup_failure_ struct failure failure = {};
	_cleanup_json_ json_object *parameters = json_object_new_object(), *reply = NULL;
	const char *path;
	int r;

	argp_parse(&check_argp, argc, argv, 0, NULL, &profile);
	path = profile.arguments.word[0];
	r = submit("CheckPolicy", parameters, "capabilities", &profile, path, &reply, &failure);
	if (r >= 0)
		r = print_checked(reply);
	return r < 0 ? failure_report(&failure, path) : STATUS_OK;
}

const struct verb verb_policy_check = {
	.name = "check",
	.arguments = "FILE",
	.summary = "read a profile and keep nothing",
	.run = run_check,
};
