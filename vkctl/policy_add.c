// SPDX-License-Identifier: LGPL-2.1-or-later
#include <fcntl.h>
#include <string.h>

#include "vkctl/arguments.h"
#include "vkctl/call.h"
#include "vkctl/input.h"
#include "vkctl/output.h"
#include "vkctl/policy.h"

/* AppArmor's parser has its time. */
#define SECONDS 60

struct profile {
	struct arguments arguments; /* first: arguments_key() */
	json_object *list; /* images to map, or capabilities to read it for; owned */
	const char *path, *apparmor; /* files, or NULL */
	const char *apparmor_profile;
	bool allow_unmediated, exec_inherit;
	const char *subject; /* what a failure is about */
};

enum { KEY_APPARMOR_PROFILE = 256, KEY_ALLOW_UNMEDIATED, KEY_EXEC_INHERIT };

static error_t add_to_list(struct profile *profile, const char *arg)
{
	if (!profile->list)
		profile->list = json_object_new_array();
	return profile->list && json_append_string(profile->list, arg) >= 0 ? 0 : ENOMEM;
}

static const struct argp_option apparmor_options[] = {
	{ "apparmor", 'a', "FILE", 0, "Confine with a profile in AppArmor's language", 1 },
	{ "apparmor-profile", KEY_APPARMOR_PROFILE, "NAME", 0,
	  "Which of its profiles, if it has several", 1 },
	{ "allow-unmediated", KEY_ALLOW_UNMEDIATED, NULL, 0,
	  "Take rules that vkernel would not enforce (dbus, unix) with a warning", 1 },
	{ "exec-inherit", KEY_EXEC_INHERIT, NULL, 0,
	  "Take rules that change the profile (px, cx, ux) as ix", 1 },
	{},
};

static error_t parse_apparmor(int key, char *arg, struct argp_state *state)
{
	struct profile *profile = state->input;

	switch (key) {
	case 'a':
		profile->apparmor = arg;
		return 0;
	case KEY_APPARMOR_PROFILE:
		profile->apparmor_profile = arg;
		return 0;
	case KEY_ALLOW_UNMEDIATED:
		profile->allow_unmediated = true;
		return 0;
	case KEY_EXEC_INHERIT:
		profile->exec_inherit = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp apparmor_argp = {
	.options = apparmor_options,
	.parser = parse_apparmor,
	.children = json_option,
};

/* What both verbs have. */
static const struct argp_child common_options[] = {
	{ .argp = &apparmor_argp },
	{},
};

/* Each verb's file is its last argument, and may be left out if there is one in that language. */
static void find_file(struct profile *profile)
{
	struct arguments *arguments = &profile->arguments;

	arguments->min = arguments->max - (profile->apparmor ? 1 : 0);
	if (arguments->n == arguments->max)
		profile->path = arguments->word[arguments->max - 1];
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct profile *profile = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = profile;
		return 0;
	case 'i':
	case 'c':
		return add_to_list(profile, arg);
	case ARGP_KEY_END:
		find_file(profile);
		return arguments_key(key, arg, state);
	default:
		return arguments_key(key, arg, state);
	}
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

/* Adds the text of a file to the call's parameters, if there is one. */
static int add_text(json_object *parameters, const char *key, const char *path,
		    struct profile *profile, struct failure *failure)
{
	_cleanup_free_ char *text = NULL;
	size_t length;
	int r;

	if (!path)
		return 0;
	profile->subject = path;
	r = read_profile(path, &text, &length);
	if (r == -EFBIG)
		return failure_set(failure, STATUS_FAILED, "is it a profile? these take some KiB",
				   "it is over the limit of 4 MiB for a profile");
	if (r < 0)
		return failure_set(failure, STATUS_FAILED, NULL, "%s", strerror(-r));
	if (!is_text(text, length))
		return failure_set(failure, STATUS_FAILED,
				   "a profile is text, in UTF-8: is this the right file?",
				   "it is no text");
	return json_add_string(parameters, key, text);
}

static int add_apparmor(json_object *parameters, struct profile *profile, struct failure *failure)
{
	int r;

	r = add_text(parameters, "apparmor", profile->apparmor, profile, failure);
	if (r >= 0)
		r = json_add_string(parameters, "apparmor_profile", profile->apparmor_profile);
	if (r >= 0 && profile->allow_unmediated)
		r = json_add_bool(parameters, "allow_unmediated", true);
	if (r >= 0 && profile->exec_inherit)
		r = json_add_bool(parameters, "exec_inherit", true);
	return r;
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
		  struct profile *profile, json_object **ret, struct failure *failure)
{
	const char *what = profile->subject;
	int r = parameters ? 0 : -ENOMEM;

	if (r >= 0 && profile->list)
		r = json_add(parameters, list_name, json_object_get(profile->list));
	if (r >= 0)
		r = add_text(parameters, "profile", profile->path, profile, failure);
	if (r >= 0)
		r = add_apparmor(parameters, profile, failure);
	/* Of two files the daemon does not say which. */
	if (r >= 0 && profile->path && profile->apparmor)
		profile->subject = what;
	if (r >= 0)
		r = call(method, parameters, SECONDS, ret, failure);
	json_object_put(profile->list);
	profile->list = NULL;
	if (r >= 0)
		print_warnings(json_get_array(*ret, "warnings"), profile->subject);
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
	.args_doc = "NAME [FILE]",
	.doc = "Keep a seccomp profile, in Docker's format or OCI's, or one in AppArmor's language, or "
	       "both, as the policy NAME.\v"
	       "A file may be - for the standard input. A policy of that name is replaced; containers "
	       "that run on it keep the one they have.",
	.children = common_options,
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
	int r;

	argp_parse(&add_argp, argc, argv, 0, NULL, &profile);
	if (!is_text(profile.arguments.word[0], strlen(profile.arguments.word[0]))) {
		failure_set(&failure, STATUS_FAILED, "use letters, digits, '-', '_' and '.'",
			    "the policy's name is no text");
		return failure_report(&failure, "policy add");
	}
	parameters = object_with("name", profile.arguments.word[0]);
	profile.subject = profile.arguments.word[0];
	r = submit("AddPolicy", parameters, "images", &profile, &reply, &failure);
	if (r >= 0)
		r = print_added(reply);
	return r < 0 ? failure_report(&failure, profile.subject) : STATUS_OK;
}

const struct verb verb_policy_add = {
	.name = "add",
	.arguments = "NAME [FILE] [--apparmor FILE] [--image PATTERN]",
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
	.args_doc = "[FILE]",
	.doc = "Read profiles, keep nothing, and show what they would not just allow.\v"
	       "A file may be - for the standard input.",
	.children = common_options,
};

static int print_checked(json_object *reply)
{
	if (output_is_json())
		return output_json(reply);
	printf("Digest: %s\n\n", json_get_string(reply, "digest") ?: "?");
	print_confinements(json_get_array(reply, "confinements"));
	return print_calls(json_get_object(reply, "calls"));
}

static int run_check(int argc, char **argv)
{
	struct profile profile = { .arguments = { .min = 1, .max = 1 } };
	_cleanup_failure_ struct failure failure = {};
	_cleanup_json_ json_object *parameters = json_object_new_object(), *reply = NULL;
	int r;

	argp_parse(&check_argp, argc, argv, 0, NULL, &profile);
	profile.subject = "policy check";
	r = submit("CheckPolicy", parameters, "capabilities", &profile, &reply, &failure);
	if (r >= 0)
		r = print_checked(reply);
	return r < 0 ? failure_report(&failure, profile.subject) : STATUS_OK;
}

const struct verb verb_policy_check = {
	.name = "check",
	.arguments = "[FILE] [--apparmor FILE]",
	.summary = "read a profile and keep nothing",
	.run = run_check,
};
