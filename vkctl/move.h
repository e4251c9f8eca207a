/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Moving seccomp and AppArmor out of a container's config, and back. */
#pragma once

#include "vkctl/bundle.h"

/*
 * Takes them out, keeps them in the annotation, and has @program run as the hooks that bind the
 * container. apparmor: its profile, too; otherwise that stays, or comes back from an earlier move.
 */
int config_move(struct container *container, bool apparmor, const char *program,
		struct failure *failure);

/* As it was before an earlier move. */
int config_restore(struct container *container, struct failure *failure);
