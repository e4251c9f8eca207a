/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The core, the template and, for Builder=kbuild, image modules, by the kernel's own build system.
 */
#pragma once

#include "vkerneld/build/job.h"

/* Makes the job the one that compiles; -errno where it could not begin. */
int kbuild_start(Job *j);
