/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Another content for a file, for whoever opens it from then on. */
#pragma once

#include <stddef.h>

/* All of it or nothing; mode and owner stay. */
int replace_file(const char *path, const char *text, size_t length);
