/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* After an upgrade the core that is loaded is another version's: it goes when nothing needs it. */
#pragma once

#include "vkerneld/manager.h"

bool core_is_own(const KernelInfo *info);

/*
 * Unloads such a core and its policies' modules if no container uses one. True if it is gone. It
 * may take a second, in which nobody is answered; so nothing is loaded meanwhile either.
 */
bool core_make_room(Manager *m, const KernelInfo *info);

/* The same when the daemon starts: whatever is loaded by then has no container on its way to it. */
void core_renew(Manager *m);
