/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The container runtime that the shim hands its command line to. */
#pragma once

#include "vkctl/failure.h"

/* The first of the list that is there and is not this program. names: as Runtimes= has them. */
int lowlevel_find(const char *names, char **ret, struct failure *failure);

/* Returns -errno, if at all. */
int lowlevel_become(const char *path, char **argv);

/* The runtime's own log, which engines show: a line at the end of --log's file. */
void lowlevel_log(const char *log, const char *format, const char *message);
