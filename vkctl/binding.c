// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string.h>
#include <sys/stat.h>

#include "proto/varlink.h"
#include "vkctl/binding.h"
#include "vkctl/call.h"

/* The inode numbers of the initial namespaces are the kernel's ABI. */
static bool in_initial_namespace(const char *path, ino_t inode)
{
	struct stat st;

	return stat(path, &st) < 0 || st.st_ino == inode;
}

int check_caller(struct failure *failure)
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

int fail_restored(struct failure *failure)
{
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

json_object *binding_parameters(const struct container *container)
{
	_cleanup_json_ json_object *parameters = object_with("container", container->id);
	int r = parameters ? 0 : -ENOMEM;

	if (r >= 0 && container->pid)
		r = json_add_int(parameters, "pid", container->pid);
	if (r >= 0 && container->seccomp)
		r = json_add(parameters, "seccomp", json_object_get(container->seccomp));
	if (r >= 0)
		r = json_add(parameters, "capabilities", given_capabilities(container));
	if (r >= 0 && container->masked)
		r = json_add(parameters, "masked_paths", json_object_get(container->masked));
	if (r >= 0 && container->readonly)
		r = json_add(parameters, "readonly_paths", json_object_get(container->readonly));
	if (r >= 0)
		r = json_add_string(parameters, "policy", container->policy);
	if (r >= 0)
		r = json_add_string(parameters, "image", container->image);
	if (r >= 0)
		r = json_add_string(parameters, "apparmor", container->apparmor);
	return r < 0 ? NULL : TAKE_PTR(parameters);
}

int prepare(const struct container *container, bool *ret_apparmor_taken, struct failure *failure)
{
	_cleanup_json_ json_object *parameters = binding_parameters(container), *reply = NULL;
	int r;

	if (!parameters)
		return -ENOMEM;
	r = call("Prepare", parameters, BINDING_SECONDS, &reply, failure);
	if (r >= 0)
		*ret_apparmor_taken = json_get_bool(reply, "apparmor_taken");
	return r;
}

int program_path(char path[PATH_MAX], struct failure *failure)
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);

	if (n < 0)
		return failure_set(failure, STATUS_FAILED, NULL, "reading /proc/self/exe: %s",
				   strerror(errno));
	path[n] = '\0';
	return 0;
}
