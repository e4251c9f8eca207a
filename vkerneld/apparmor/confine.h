/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A profile as the core enforces it: from what apparmor_parser packed to a confinement. */
#pragma once

#include <vkernel/confine.h>

#include "vkerneld/apparmor/unpack.h"

/* Changes with what comes out of below for the same profile. */
#define ARMOR_CONFINE_VERSION 2

typedef struct ArmorChoice {
	const char *profile; /* which of them; NULL: the only one that is no hat or child */
	bool exec_inherit; /* takes px, cx and ux as ix */
} ArmorChoice;

/*
 * Returns 0 and a confinement that vk_confinement_valid() accepts, for free(), or NULL for a
 * profile in the mode unconfined; -ENOENT when there is no such profile, -EINVAL when it is not
 * clear which, -EOPNOTSUPP for what vkernel can not enforce, -E2BIG for one that no policy could
 * hold, -ENOMEM; report->error says more.
 */
int armor_confine(const ArmorPolicy *policy, const ArmorChoice *choice, struct vk_confinement **ret,
		  ProfileReport *report);
