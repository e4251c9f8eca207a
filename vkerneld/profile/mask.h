/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * linux.maskedPaths and linux.readonlyPaths of a container's configuration, as rules on files. The
 * runtime's mounts hide these paths; the rules hold where a mount is gone, or never was.
 *
 * Of a masked file nothing is permitted but to open the null device that covers it, of a masked
 * folder nothing beneath it; what is read-only may not be written, nor get another name.
 */
#pragma once

#include "vkerneld/profile/policy.h"

#define MASK_LABEL "maskedPaths"
#define MASK_MAX_STATES 16384

/*
 * masked, readonly: arrays of strings, or NULL. *ret is NULL if they name no path. Returns 0;
 * -EINVAL for a path that is not absolute, or is the root: *ret_path borrows it; -E2BIG for more
 * than MASK_MAX_STATES bytes of paths, but for how they begin alike; -ENOMEM.
 */
int mask_confinement(json_object *masked, json_object *readonly, struct vk_confinement **ret,
		     const char **ret_path);

/*
 * Where the policy has such a confinement and another one that rules files, makes one of both, so
 * that one walk of a path answers for both; unless that would be too large, or not the same.
 * Returns 0, or -ENOMEM, and the policy stays as it is then.
 */
int policy_fold_masks(Policy **p);
