/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The journal's entry on a container that has no virtual kernel. */
#pragma once

#include "vkctl/failure.h"

/* warn: it starts all the same. */
void complaint_send(const struct failure *failure, const char *container, bool warn);
