/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of migrations/, in order; generated. */
#pragma once

#include <stddef.h>

extern const char *const db_migrations[];
extern const size_t db_n_migrations;
