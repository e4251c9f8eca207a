/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signatures of modules, for kernels that take no others. */
#pragma once

#include <stdbool.h>

#include "vkerneld/build/toolchain.h"
#include "vkerneld/task.h"

/* Does the running kernel refuse modules without a signature it trusts? */
bool sign_required(const Toolchain *t);

/* Runs the headers' sign-file on the module, in place. */
int sign_start(sd_event *event, const Toolchain *t, const char *module, const char *key,
	       const char *cert, TaskDone done, void *userdata, Task **ret);
