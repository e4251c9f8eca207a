/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the hook and the shim ask of vkerneld for a container, and whether they may. */
#pragma once

#include <limits.h>

#include "vkctl/bundle.h"

/* A first start may compile the core and a module; the time-out of hooks is longer. */
#define BINDING_SECONDS 520
#define HOOK_SECONDS 540

/* Rootless engines, and those in a container, are refused. */
int check_caller(struct failure *failure);

/*
 * criu makes a container's processes by fork, and they go on where they were: without an execve
 * none of them would come to run on the virtual kernel.
 */
int fail_restored(struct failure *failure);

/* Prepare's, and with a pid Bind's; NULL when memory is out. */
json_object *binding_parameters(const struct container *container);

/*
 * Has vkerneld make ready what the container will be bound to. apparmor_taken: its AppArmor profile
 * is enforced there, too.
 */
int prepare(const struct container *container, bool *ret_apparmor_taken, struct failure *failure);

/* What the hooks in a config are to run: this program. */
int program_path(char path[PATH_MAX], struct failure *failure);
