// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string.h>

#include "proto/varlink.h"
#include "vkctl/call.h"
#include "vkctl/docker.h"
#include "vkctl/input.h"

#define ANSWER_SECONDS 10
#define IMAGE_ANNOTATION "io.vkernel.image"

/* containerd's namespace of Docker is a part of the path; with mapped users it has their range. */
static bool is_docker(const char *bundle)
{
	const char *found = strstr(bundle, "/moby");

	return found && (found[5] == '/' || found[5] == '-');
}

static size_t host_length(const char *name)
{
	const char *slash = strchr(name, '/');
	size_t length = slash ? (size_t)(slash - name) : 0;

	if (memchr(name, '.', length) || memchr(name, ':', length) ||
	    (length == 9 && strncmp(name, "localhost", 9) == 0))
		return length;
	return 0;
}

char *docker_reference(const char *name)
{
	const char *host = "docker.io/", *path = name;
	char *reference;

	if (strncmp(name, host, strlen(host)) == 0)
		path = name + strlen(host);
	else if (host_length(name) > 0)
		host = "";
	if (asprintf(&reference, "%s%s%s%s", host, *host && !strchr(path, '/') ? "library/" : "",
		     path, strpbrk(strrchr(path, '/') ?: path, ":@") ? "" : ":latest") < 0)
		return NULL;
	return reference;
}

/* Docker mounts these files out of a folder that it keeps for the container. */
static bool is_kept(const char *destination)
{
	return strcmp(destination, "/etc/resolv.conf") == 0 ||
	       strcmp(destination, "/etc/hostname") == 0 || strcmp(destination, "/etc/hosts") == 0;
}

/* ROOT/containers/ANY/hosts: the container itself has ID for ANY. */
static int settings_path(const char *source, const char *id, char **ret)
{
	static const char folder[] = "/containers/";
	const char *found = NULL, *next = source;

	while ((next = strstr(next, folder))) {
		found = next;
		next++;
	}
	if (!found)
		return -ENOENT;
	if (asprintf(ret, "%.*s%s%s/config.v2.json", (int)(found - source), source, folder, id) < 0)
		return -ENOMEM;
	return 0;
}

static int read_image(const char *path, char **ret)
{
	_cleanup_json_ json_object *settings = NULL;
	_cleanup_free_ char *text = NULL;
	const char *why, *image;
	json_object *config;
	size_t length;
	int r;

	r = read_regular(path, CONFIG_MAX, &text, &length);
	if (r >= 0)
		r = parse_object(text, length, &settings, &why);
	if (r < 0)
		return r;
	config = json_get_object(settings, "Config");
	image = config ? json_get_string(config, "Image") : NULL;
	if (!image || !*image)
		return -ENOENT;
	*ret = docker_reference(image);
	return *ret ? 0 : -ENOMEM;
}

/*
 * From the file that Docker keeps, not from its socket: it answers nothing about a container while
 * it starts it, and nothing at all while it starts itself.
 */
static int find_image(const struct container *container, char **ret)
{
	json_object *mounts = json_get_array(container->config, "mounts");
	size_t n = mounts ? json_object_array_length(mounts) : 0;
	int r = -ENOENT;

	if (container->id[strspn(container->id, "0123456789abcdef")])
		return r;
	for (size_t i = 0; r == -ENOENT && i < n; i++) {
		json_object *mount = json_object_array_get_idx(mounts, i);
		const char *destination = json_get_string(mount, "destination");
		const char *source = json_get_string(mount, "source");
		_cleanup_free_ char *path = NULL;

		if (!destination || !source || !is_kept(destination))
			continue;
		r = settings_path(source, container->id, &path);
		if (r >= 0)
			r = read_image(path, ret);
	}
	return r;
}

static int images_are_mapped(bool *ret, struct failure *failure)
{
	_cleanup_json_ json_object *reply = NULL;
	json_object *policies;
	int r;

	r = call("ListPolicies", NULL, ANSWER_SECONDS, &reply, failure);
	if (r < 0)
		return r;
	policies = json_get_array(reply, "policies");
	*ret = false;
	for (size_t i = 0; policies && i < json_object_array_length(policies); i++) {
		json_object *images =
			json_get_array(json_object_array_get_idx(policies, i), "images");

		*ret |= images && json_object_array_length(images) > 0;
	}
	return 0;
}

static int fail_unless_unmapped(int why, struct failure *failure)
{
	bool mapped;
	int r = images_are_mapped(&mapped, failure);

	if (r < 0 || !mapped)
		return r;
	return failure_set(failure, STATUS_FAILED,
			   "name its policy: --annotation io.vkernel.policy=NAME",
			   "policies are mapped to images, and what Docker keeps of this container "
			   "does not say its image: %s",
			   strerror(-why));
}

static int annotate(struct container *container, const char *image)
{
	json_object *annotations = json_get_object(container->config, "annotations");
	int r = 0;

	if (!annotations) {
		annotations = json_object_new_object();
		r = json_add(container->config, "annotations", annotations);
	}
	if (r >= 0)
		r = json_add_string(annotations, IMAGE_ANNOTATION, image);
	if (r >= 0)
		container->image = json_get_string(annotations, IMAGE_ANNOTATION);
	return r;
}

int docker_name_image(struct container *container, const char *bundle, struct failure *failure)
{
	_cleanup_free_ char *image = NULL;
	int r;

	if (container->policy || container->image || !is_docker(bundle))
		return 0;
	r = find_image(container, &image);
	if (r == -ENOMEM)
		return r;
	return r < 0 ? fail_unless_unmapped(r, failure) : annotate(container, image);
}
