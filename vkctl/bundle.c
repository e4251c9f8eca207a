// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string.h>

#include "proto/varlink.h"
#include "vkctl/bundle.h"
#include "vkctl/input.h"

#define RUNTIME_HINT \
	"this is what the container runtime passes to its hooks: is it a hook that runs?"
#define MOVED_HINT "vkernel-runtime writes this annotation, and nobody else should"

/*
 * Where the engines put the image's reference. podman puts it nowhere, so its users say it. The
 * annotations org.opencontainers.image.* are no such place: an image chooses these for itself, and
 * would choose its own policy.
 */
static const char *const image_annotations[] = {
	"io.vkernel.image",
	"io.kubernetes.cri-o.ImageName",
	"io.kubernetes.cri.image-name",
};

static const char *const type_annotations[] = {
	"io.kubernetes.cri.container-type",
	"io.kubernetes.cri-o.ContainerType",
};

void container_clear(struct container *container)
{
	json_object_put(container->state);
	json_object_put(container->config);
	json_object_put(container->moved);
	*container = (struct container){};
}

/* A member that may be absent, or null, but is nothing else than @type. */
static int member(json_object *object, const char *where, const char *key, json_type type,
		  json_object **ret, struct failure *failure)
{
	json_object *value = NULL;

	*ret = NULL;
	if (!object || !json_object_object_get_ex(object, key, &value) || !value)
		return 0;
	if (!json_object_is_type(value, type))
		return failure_set(failure, STATUS_FAILED, RUNTIME_HINT, "%s%s is not of type %s",
				   where, key, json_type_to_name(type));
	*ret = value;
	return 0;
}

static int string_member(json_object *object, const char *where, const char *key, const char **ret,
			 struct failure *failure)
{
	json_object *value;
	int r = member(object, where, key, json_type_string, &value, failure);

	if (r < 0)
		return r;
	*ret = value ? json_object_get_string(value) : NULL;
	if (value && strlen(*ret) != (size_t)json_object_get_string_len(value))
		return failure_set(failure, STATUS_FAILED, NULL, "%s%s holds a NUL", where, key);
	return 0;
}

static bool has_controls(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

static bool has_moved(json_object *annotations)
{
	return json_object_object_get_ex(annotations, MOVED_ANNOTATION, NULL);
}

static int read_state(struct container *container, struct failure *failure)
{
	json_object *pid;
	int r;

	container->was_moved = has_moved(json_get_object(container->state, "annotations"));

	r = string_member(container->state, "state: ", "id", &container->id, failure);
	if (r >= 0)
		r = string_member(container->state, "state: ", "bundle", &container->bundle,
				  failure);
	if (r >= 0)
		r = string_member(container->state, "state: ", "status", &container->status,
				  failure);
	if (r >= 0)
		r = member(container->state, "state: ", "pid", json_type_int, &pid, failure);
	if (r < 0)
		return r;
	container->pid = pid ? json_object_get_int64(pid) : 0;
	if (!container->id || !*container->id)
		return failure_set(failure, STATUS_FAILED, RUNTIME_HINT,
				   "the container's state has no id");
	if (has_controls(container->id))
		return failure_set(failure, STATUS_FAILED, "give the container another name",
				   "the container's id has control characters");
	return 0;
}

int container_from_state(struct container *container, const char *text, size_t length,
			 struct failure *failure)
{
	const char *why = NULL;
	int r;

	if (length == 0)
		return failure_set(failure, STATUS_FAILED, RUNTIME_HINT,
				   "there is no container state on the standard input");
	r = parse_object(text, length, &container->state, &why);
	if (r == -EBADMSG)
		return failure_set(failure, STATUS_FAILED, RUNTIME_HINT,
				   "the container state is not JSON as it should be: %s", why);
	return r < 0 ? r : read_state(container, failure);
}

/* The container that holds a pod's namespaces. */
static int is_sandbox(json_object *annotations, const char *where, bool *ret,
		      struct failure *failure)
{
	const char *type[ELEMENTSOF(type_annotations)];
	size_t i;
	int r = 0;

	*ret = false;
	for (i = 0; r >= 0 && i < ELEMENTSOF(type_annotations); i++) {
		r = string_member(annotations, where, type_annotations[i], &type[i], failure);
		if (r >= 0 && type[i] && strcmp(type[i], "sandbox") == 0)
			*ret = true;
	}
	return r;
}

static int read_moved(struct container *container, json_object *annotations, const char *where,
		      struct failure *failure)
{
	const char *text, *why = NULL;
	int r;

	container->was_moved |= has_moved(annotations);
	r = string_member(annotations, where, MOVED_ANNOTATION, &text, failure);
	if (r < 0 || !text)
		return r;
	r = parse_object(text, strlen(text), &container->moved, &why);
	if (r == -EBADMSG)
		return failure_set(failure, STATUS_FAILED, MOVED_HINT,
				   "%s" MOVED_ANNOTATION " is not JSON as it should be: %s", where,
				   why);
	if (r >= 0)
		r = member(container->moved, where, "seccomp", json_type_object,
			   &container->seccomp, failure);
	if (r >= 0)
		r = string_member(container->moved, where, "apparmorProfile", &container->apparmor,
				  failure);
	return r;
}

/* What they say is meant for the containers of a pod, not for the one that holds it together. */
static int read_wishes(struct container *container, json_object *annotations, const char *where,
		       struct failure *failure)
{
	size_t i;
	int r;

	r = string_member(annotations, where, "io.vkernel.policy", &container->policy, failure);
	if (r < 0)
		return r;
	if (container->policy && !*container->policy)
		return failure_set(failure, STATUS_FAILED,
				   "name a policy, or leave the annotation out",
				   "the annotation io.vkernel.policy is empty");
	for (i = 0; i < ELEMENTSOF(image_annotations); i++) {
		const char *image;

		r = string_member(annotations, where, image_annotations[i], &image, failure);
		if (r < 0)
			return r;
		if (image && *image && !container->image)
			container->image = image;
	}
	return 0;
}

static int read_annotations(struct container *container, struct failure *failure)
{
	const char *where = "config.json: annotations: ";
	json_object *annotations;
	bool sandbox = false;
	int r;

	r = member(container->config, "config.json: ", "annotations", json_type_object,
		   &annotations, failure);
	if (r >= 0)
		r = read_moved(container, annotations, where, failure);
	if (r >= 0)
		r = is_sandbox(annotations, where, &sandbox, failure);
	return r < 0 || sandbox ? r : read_wishes(container, annotations, where, failure);
}

static int strings_member(json_object *object, const char *where, const char *key,
			  json_object **ret, struct failure *failure)
{
	json_object *array;
	size_t i;
	int r;

	r = member(object, where, key, json_type_array, &array, failure);
	if (r < 0)
		return r;
	for (i = 0; array && i < json_object_array_length(array); i++)
		if (!json_object_is_type(json_object_array_get_idx(array, i), json_type_string))
			return failure_set(failure, STATUS_FAILED, RUNTIME_HINT,
					   "%s%s[%zu] is not of type string", where, key, i);
	*ret = array;
	return 0;
}

static int read_capabilities(struct container *container, json_object *process,
			     struct failure *failure)
{
	json_object *capabilities = NULL;
	int r;

	r = member(process, "config.json: process.", "capabilities", json_type_object,
		   &capabilities, failure);
	return r < 0 ? r
		     : strings_member(capabilities, "config.json: process.capabilities.",
				      "bounding", &container->capabilities, failure);
}

static int read_process(struct container *container, struct failure *failure)
{
	const char *apparmor = NULL;
	json_object *process;
	int r;

	r = member(container->config, "config.json: ", "process", json_type_object, &process,
		   failure);
	if (r >= 0)
		r = read_capabilities(container, process, failure);
	if (r >= 0)
		r = string_member(process, "config.json: process.", "apparmorProfile", &apparmor,
				  failure);
	if (r >= 0 && apparmor)
		container->apparmor = apparmor;
	return r;
}

static int read_linux(struct container *container, struct failure *failure)
{
	const char *where = "config.json: linux.";
	json_object *os, *seccomp = NULL;
	int r;

	r = member(container->config, "config.json: ", "linux", json_type_object, &os, failure);
	if (r >= 0)
		r = member(os, where, "seccomp", json_type_object, &seccomp, failure);
	if (r >= 0 && seccomp)
		container->seccomp = seccomp;
	if (r >= 0)
		r = strings_member(os, where, "maskedPaths", &container->masked, failure);
	return r < 0 ? r
		     : strings_member(os, where, "readonlyPaths", &container->readonly, failure);
}

static int read_config(struct container *container, struct failure *failure)
{
	int r;

	r = read_annotations(container, failure);
	if (r >= 0)
		r = read_process(container, failure);
	return r < 0 ? r : read_linux(container, failure);
}

int container_from_text(struct container *container, const char *text, size_t length,
			const char *name, struct failure *failure)
{
	const char *why = NULL;
	int r = parse_object(text, length, &container->config, &why);

	if (r == -EBADMSG)
		return failure_set(failure, STATUS_FAILED, NULL,
				   "%s is not JSON as it should be: %s", name, why);
	return r < 0 ? r : read_config(container, failure);
}

int container_from_config(struct container *container, const char *path, struct failure *failure)
{
	_cleanup_free_ char *text = NULL;
	size_t length;
	int r;

	r = read_regular(path, CONFIG_MAX, &text, &length);
	if (r == -EFBIG)
		return failure_set(failure, STATUS_FAILED, NULL, "%s is over the limit of 16 MiB",
				   path);
	if (r == -EINVAL)
		return failure_set(failure, STATUS_FAILED, NULL, "%s is no regular file", path);
	if (r < 0)
		return failure_set(failure, STATUS_FAILED, NULL, "%s: %s", path, strerror(-r));
	return container_from_text(container, text, length, path, failure);
}

int container_from_bundle(struct container *container, struct failure *failure)
{
	_cleanup_free_ char *path = NULL;

	if (!container->bundle || container->bundle[0] != '/')
		return failure_set(failure, STATUS_FAILED, RUNTIME_HINT,
				   "the container's state names no bundle");
	if (asprintf(&path, "%s/config.json", container->bundle) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	return container_from_config(container, path, failure);
}
