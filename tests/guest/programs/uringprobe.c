// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * uringprobe [--sqpoll] [--async] openat|mkdirat PATH
 *
 * Asks for a file through io_uring, whose requests are no system calls: --async makes a worker do
 * it, --sqpoll a thread of the kernel's fetch it. Prints how each step came out.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "probe.h"
#include "ring.h"

static void queue(struct ring *ring, bool async, const char *operation, const char *path)
{
	struct io_uring_sqe *entry = ring_entry(ring);

	entry->opcode = strcmp(operation, "mkdirat") == 0 ? IORING_OP_MKDIRAT : IORING_OP_OPENAT;
	entry->flags = async ? IOSQE_ASYNC : 0;
	entry->fd = AT_FDCWD;
	entry->addr = (uintptr_t)path;
	entry->len = entry->opcode == IORING_OP_MKDIRAT ? 0700 : 0;
}

static int usage(void)
{
	fputs("usage: uringprobe [--sqpoll] [--async] openat|mkdirat PATH\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	struct io_uring_params params;
	struct ring ring = {};
	unsigned int flags = 0;
	bool async = false;
	long returned;
	int result;

	for (argv++; *argv && **argv == '-'; argv++) {
		if (strcmp(*argv, "--sqpoll") == 0)
			flags |= IORING_SETUP_SQPOLL;
		else if (strcmp(*argv, "--async") == 0)
			async = true;
		else
			return usage();
	}
	if (!argv[0] || !argv[1])
		return usage();
	returned = ring_setup(flags, &params);
	fputs("setup ", stdout);
	call_print(returned < 0 ? returned : 0);
	if (returned < 0)
		return 0;
	ring.fd = (int)returned;
	if (!ring_map(&ring, &params))
		return 2;
	queue(&ring, async, argv[0], argv[1]);
	returned = ring_submit(&ring, flags & IORING_SETUP_SQPOLL);
	fputs("enter ", stdout);
	call_print(returned < 0 ? returned : 0);
	if (returned < 0 || !ring_collect(&ring, &result))
		return returned < 0 ? 0 : 2;
	fputs("result ", stdout);
	call_print(result < 0 ? result : 0);
	return 0;
}
