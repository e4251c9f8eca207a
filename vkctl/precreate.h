/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* podman's own stage precreate: a config on standard input, and what it is to be on the output. */
#pragma once

#include "vkctl/bundle.h"

/*
 * Moves a container's seccomp filter into its virtual kernel, so that the runtime installs none.
 * Its AppArmor profile stays: what podman executes in there later would not be changed, and be
 * confined beside processes that are not.
 *
 * *@ret_text (owned by the caller; NULL if there is none) is the config as it came.
 */
int precreate(struct container *container, char **ret_text, struct failure *failure);
