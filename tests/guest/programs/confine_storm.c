// SPDX-License-Identifier: LGPL-2.1-or-later
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine.h"
#include "confine_storm.h"

#define NR_STORMS 3

static pid_t storms[NR_STORMS];

static int rename_all(void)
{
	return renameat2(AT_FDCWD, STORM_SHORT, AT_FDCWD, STORM_LONG, RENAME_EXCHANGE);
}

static int move_mount_about(void)
{
	if (mount(STORM_MOUNT_A, STORM_MOUNT_B, NULL, MS_MOVE, NULL) < 0)
		return -1;
	return mount(STORM_MOUNT_B, STORM_MOUNT_A, NULL, MS_MOVE, NULL);
}

static int cover(void)
{
	if (mount(STORM_COVER, STORM_COVERED, NULL, MS_BIND, NULL) < 0)
		return -1;
	return umount2(STORM_COVERED, MNT_DETACH);
}

static int (*const works[NR_STORMS])(void) = { rename_all, move_mount_about, cover };

/* The mount that is moved has a file system of its own, as have the two that it moves between. */
int storm_prepare(void)
{
	if (mount("a", "/race/m/A", "tmpfs", 0, NULL) < 0 ||
	    mount("b", "/race/m/B", "tmpfs", 0, NULL) < 0 || mkdir(STORM_MOUNT_A, 0755) < 0 ||
	    mkdir(STORM_MOUNT_B, 0755) < 0)
		return -1;
	return mount(STORM_SHORT, STORM_MOUNT_A, NULL, MS_BIND, NULL);
}

int storm_start(void)
{
	int i;

	for (i = 0; i < NR_STORMS; i++) {
		storms[i] = fork();
		if (storms[i] < 0)
			return -1;
		if (storms[i] > 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close_range(CONFINE_SOCKET, ~0u, 0);
		while (works[i]() == 0)
			;
		perror("storm");
		_exit(1);
	}
	return 0;
}

/* One that ended by itself was none. */
int storm_stop(void)
{
	int i, r = 0, status;

	for (i = 0; i < NR_STORMS; i++) {
		kill(storms[i], SIGKILL);
		if (waitpid(storms[i], &status, 0) != storms[i] || !WIFSIGNALED(status)) {
			errno = EIO;
			r = -1;
		}
	}
	return r;
}
