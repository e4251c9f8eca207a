// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string.h>

#include "proto/varlink.h"
#include "vkctl/binding.h"
#include "vkctl/input.h"
#include "vkctl/move.h"
#include "vkctl/precreate.h"

/* Engines end it with the container's id: "machine.slice:libpod:ID", "/libpod_parent/libpod-ID". */
static const char *id_of(const struct container *container)
{
	json_object *os = json_get_object(container->config, "linux");
	const char *path = os ? json_get_string(os, "cgroupsPath") : NULL;
	const char *id = path;

	for (; path && *path; path++)
		if (strchr("/:-", *path))
			id = path + 1;
	return id && *id ? id : "precreate";
}

static int read_config(struct container *container, char **ret_text, struct failure *failure)
{
	size_t length;
	int r = read_all(STDIN_FILENO, CONFIG_MAX, ret_text, &length);

	if (r < 0)
		return failure_set(failure, STATUS_FAILED, NULL,
				   "the container's config cannot be read: %s",
				   r == -EFBIG ? "it is over the limit of 16 MiB" : strerror(-r));
	r = container_from_text(container, *ret_text, length, "config.json", failure);
	if (r >= 0)
		container->id = id_of(container);
	return r;
}

static int write_config(const struct container *container)
{
	const char *text = json_object_to_json_string_ext(container->config, CONFIG_TEXT);

	if (!text)
		return -ENOMEM;
	return puts(text) < 0 || fflush(stdout) != 0 ? -EIO : 0;
}

int precreate(struct container *container, char **ret_text, struct failure *failure)
{
	char program[PATH_MAX];
	bool apparmor;
	int r;

	r = read_config(container, ret_text, failure);
	if (r >= 0)
		r = check_caller(failure);
	if (r >= 0)
		r = program_path(program, failure);
	if (r >= 0)
		r = prepare(container, &apparmor, failure);
	if (r >= 0)
		r = config_move(container, false, program, failure);
	return r < 0 ? r : write_config(container);
}
