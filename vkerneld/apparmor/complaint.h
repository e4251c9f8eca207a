/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What apparmor_parser writes on its stderr, for people who did not start it. */
#pragma once

#include <stdbool.h>

#include "vkerneld/apparmor/locate.h"
#include "vkerneld/profile/report.h"

/* How the parser was told the profile's path. */
#define COMPLAINT_STDIN "/proc/self/fd/0"

/*
 * If @failed, all but warnings is the message of a failure, -EINVAL. Else every line is a warning
 * of the report, but one on rules that nobody would enforce is a failure, -EOPNOTSUPP, unless
 * @unmediated allows them; of such rules it names one in @source. Cuts @text into lines.
 */
int complaint_report(char *text, bool failed, bool unmediated, const ArmorSource *source,
		     ProfileReport *report);
