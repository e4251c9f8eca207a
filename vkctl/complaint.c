// SPDX-License-Identifier: LGPL-2.1-or-later
#include <syslog.h>
#include <systemd/sd-journal.h>

#include "vkctl/complaint.h"
#include "vkctl/output.h"

void complaint_send(const struct failure *failure, const char *container, bool warn)
{
	_cleanup_free_ char *why = visible(failure->why ?: "out of memory");
	_cleanup_free_ char *id = visible(container);

	sd_journal_send("MESSAGE=container %s %s: %s", id ?: "",
			warn ? "starts without a virtual kernel" : "has no virtual kernel",
			why ?: "", "PRIORITY=%d", warn ? LOG_WARNING : LOG_ERR,
			"SYSLOG_IDENTIFIER=vkctl", "VKERNEL_CONTAINER=%s", id ?: "",
			"VKERNEL_HINT=%s", failure->hint ?: "", NULL);
}
