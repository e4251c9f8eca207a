// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>

#include "vkctl/complaint.h"
#include "vkctl/output.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/*
 * The journal's own protocol: a field a line. libsystemd and what it brings along would take longer
 * to load than all that the hook does.
 */
static void send_entry(const char *entry, size_t length)
{
	const struct sockaddr_un journal = { .sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	/* Where no journal is, nobody reads it. */
	if (fd >= 0)
		(void)sendto(fd, entry, length, MSG_NOSIGNAL | MSG_DONTWAIT,
			     (const struct sockaddr *)&journal, sizeof(journal));
}

void complaint_send(const struct failure *failure, const char *container, bool warn)
{
	_cleanup_free_ char *why = visible(failure->why ?: "out of memory");
	_cleanup_free_ char *hint = visible(failure->hint ?: "");
	_cleanup_free_ char *id = visible(container);
	_cleanup_free_ char *entry = NULL;
	int n;

	n = asprintf(&entry,
		     "MESSAGE=container %s %s: %s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=vkctl\n"
		     "VKERNEL_CONTAINER=%s\nVKERNEL_HINT=%s\n",
		     id ?: "", warn ? "starts without a virtual kernel" : "has no virtual kernel",
		     why ?: "", warn ? LOG_WARNING : LOG_ERR, id ?: "", hint ?: "");
	if (n < 0)
		entry = NULL;
	else
		send_entry(entry, (size_t)n);
}
