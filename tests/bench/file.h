/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations on files beneath a directory that `guest` has filled. */
#pragma once

#include "measure.h"

#define NR_FILE_OPERATIONS 5

extern const struct operation file_operations[NR_FILE_OPERATIONS];

/* The file of most of them: where its name lies among others counts. 0, or a negative errno. */
int file_choose(const char *path);

/* What the host's root may and docker-default forbids: 0, or a negative errno. */
int open_forbidden(void);
