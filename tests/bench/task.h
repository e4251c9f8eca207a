/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations that a confined task may do on things other than files. */
#pragma once

#include "measure.h"

#define NR_TASK_OPERATIONS 3

extern const struct operation task_operations[NR_TASK_OPERATIONS];
