// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string.h>

#include "proto/varlink.h"
#include "vkctl/binding.h"
#include "vkctl/move.h"

/* The stages that vkctl serves. */
static const char *const stages[] = { "createRuntime", "prestart", "poststop" };

/* An object of the config, which is made if it is absent. */
static int get_object(json_object *config, const char *key, json_object **ret)
{
	json_object *object = json_get_object(config, key);
	int r = 0;

	if (!object) {
		object = json_object_new_object();
		r = json_add(config, key, object);
	}
	*ret = object;
	return r;
}

static int put_string(json_object *config, const char *key, const char *member, const char *value)
{
	json_object *object;
	int r = get_object(config, key, &object);

	return r < 0 ? r : json_add_string(object, member, value);
}

static void drop(json_object *config, const char *key, const char *member)
{
	json_object *object = json_get_object(config, key);

	if (object)
		json_object_object_del(object, member);
}

static bool has_word(json_object *args, size_t at, const char *word)
{
	json_object *found = args ? json_object_array_get_idx(args, at) : NULL;

	return found && strcmp(json_object_get_string(found), word) == 0;
}

/* By podman's or CRI-O's hooks.d, or by an earlier move. */
static bool is_ours(json_object *hook)
{
	const char *path = json_get_string(hook, "path");
	json_object *args = json_get_array(hook, "args");

	return has_word(args, 1, "hook") &&
	       (has_word(args, 0, "vkctl") || (path && strcmp(basename(path), "vkctl") == 0));
}

static int drop_hooks(json_object *hooks, struct failure *failure)
{
	for (size_t i = 0; i < ELEMENTSOF(stages); i++) {
		json_object *list = json_object_object_get(hooks, stages[i]);

		if (!list)
			continue;
		if (!json_object_is_type(list, json_type_array))
			return failure_set(failure, STATUS_FAILED, NULL,
					   "config.json: hooks.%s is not of type array", stages[i]);
		for (size_t at = json_object_array_length(list); at-- > 0;)
			if (is_ours(json_object_array_get_idx(list, at)))
				json_object_array_del_idx(list, at, 1);
	}
	return 0;
}

static int check_hooks(json_object *config, json_object **ret, struct failure *failure)
{
	json_object *hooks = json_object_object_get(config, "hooks");

	if (hooks && !json_object_is_type(hooks, json_type_object))
		return failure_set(failure, STATUS_FAILED, NULL,
				   "config.json: hooks is not of type object");
	*ret = hooks;
	return hooks ? drop_hooks(hooks, failure) : 0;
}

static int hook_arguments(const char *stage, json_object **ret)
{
	_cleanup_json_ json_object *args = json_object_new_array();
	int r = args ? json_append_string(args, "vkctl") : -ENOMEM;

	if (r >= 0)
		r = json_append_string(args, "hook");
	if (r >= 0)
		r = json_append_string(args, stage);
	if (r >= 0)
		*ret = TAKE_PTR(args);
	return r;
}

static int add_hook(json_object *hooks, const char *stage, const char *program)
{
	_cleanup_json_ json_object *hook = json_object_new_object();
	json_object *list = json_get_array(hooks, stage), *args = NULL;
	int r = hook ? json_add_string(hook, "path", program) : -ENOMEM;

	if (r >= 0)
		r = hook_arguments(stage, &args);
	if (r >= 0)
		r = json_add(hook, "args", args);
	if (r >= 0)
		r = json_add_int(hook, "timeout", HOOK_SECONDS);
	if (r >= 0 && !list) {
		list = json_object_new_array();
		r = json_add(hooks, stage, list);
	}
	return r < 0 ? r : json_append(list, TAKE_PTR(hook));
}

static int put_hooks(json_object *config, const char *program, struct failure *failure)
{
	json_object *hooks;
	int r = check_hooks(config, &hooks, failure);

	if (r >= 0)
		r = get_object(config, "hooks", &hooks);
	if (r >= 0)
		r = add_hook(hooks, "createRuntime", program);
	return r < 0 ? r : add_hook(hooks, "poststop", program);
}

/* The annotation's object, which is empty where nothing was asked for. */
static int collect(const struct container *container, bool apparmor, json_object **ret)
{
	_cleanup_json_ json_object *moved = json_object_new_object();
	int r = moved ? 0 : -ENOMEM;

	if (r >= 0 && container->seccomp)
		r = json_add(moved, "seccomp", json_object_get(container->seccomp));
	if (r >= 0 && apparmor)
		r = json_add_string(moved, "apparmorProfile", container->apparmor);
	if (r >= 0)
		*ret = TAKE_PTR(moved);
	return r;
}

static int annotate(json_object *config, json_object *moved)
{
	const char *text = json_object_to_json_string_ext(moved, CONFIG_TEXT);

	if (!text)
		return -ENOMEM;
	if (json_object_object_length(moved) > 0)
		return put_string(config, "annotations", MOVED_ANNOTATION, text);
	drop(config, "annotations", MOVED_ANNOTATION);
	return 0;
}

/* The members of what is moved have their own references by then. */
static int take_out(struct container *container, json_object *moved)
{
	const bool apparmor = json_object_object_get_ex(moved, "apparmorProfile", NULL);
	int r = 0;

	if (container->seccomp)
		drop(container->config, "linux", "seccomp");
	if (apparmor)
		drop(container->config, "process", "apparmorProfile");
	else if (container->apparmor)
		r = put_string(container->config, "process", "apparmorProfile",
			       container->apparmor);
	container->seccomp = NULL;
	container->apparmor = NULL;
	return r;
}

int config_move(struct container *container, bool apparmor, const char *program,
		struct failure *failure)
{
	_cleanup_json_ json_object *moved = NULL;
	int r;

	r = collect(container, apparmor, &moved);
	if (r >= 0)
		r = annotate(container->config, moved);
	if (r >= 0)
		r = take_out(container, moved);
	return r < 0 ? r : put_hooks(container->config, program, failure);
}

int config_restore(struct container *container, struct failure *failure)
{
	json_object *config = container->config, *os, *hooks;
	int r = 0;

	if (container->seccomp) {
		r = get_object(config, "linux", &os);
		if (r >= 0)
			r = json_add(os, "seccomp", json_object_get(container->seccomp));
	}
	if (r >= 0 && container->apparmor)
		r = put_string(config, "process", "apparmorProfile", container->apparmor);
	if (r >= 0)
		r = check_hooks(config, &hooks, failure);
	if (r >= 0)
		drop(config, "annotations", MOVED_ANNOTATION);
	return r;
}
