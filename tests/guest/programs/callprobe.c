// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * callprobe [child|thread|setuid|tamper]... native|int80|x32 CALL [ARGUMENT...]
 *
 * Makes one system call and prints its outcome; from a child, a thread, after setuid, or with
 * credentials that it tampered with before that, in any combination.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

#define NOBODY 65534

static const char *const ways[] = { "native", "int80", "x32" };

static void *do_and_print(void *call)
{
	call_print(call_do(call));
	return NULL;
}

static int in_thread(struct call *call)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, do_and_print, call) != 0)
		return 2;
	return pthread_join(thread, NULL) ? 2 : 0;
}

/* The parent hands on how its child ended. */
static void become_child(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		return;
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		exit(2);
	if (WIFSIGNALED(status))
		printf("killed by %d\n", WTERMSIG(status));
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/* By the module of tests/guest/modules/creds.c. */
static bool tamper(void)
{
	int fd = open("/proc/vktest_creds", O_WRONLY);
	bool done = fd >= 0 && write(fd, "", 1) == 1;

	close(fd);
	return done;
}

static int usage(void)
{
	fputs("usage: callprobe [child|thread|setuid|tamper]... native|int80|x32 CALL "
	      "[ARGUMENT...]\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	struct call call;
	bool thread = false;
	unsigned int way;

	for (argv++; *argv; argv++) {
		if (strcmp(*argv, "child") == 0)
			become_child();
		else if (strcmp(*argv, "thread") == 0)
			thread = true;
		else if (strcmp(*argv, "setuid") == 0) {
			if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
				return 2;
		} else if (strcmp(*argv, "tamper") == 0) {
			if (!tamper())
				return 2;
		} else
			break;
	}
	if (!*argv)
		return usage();
	for (way = 0; way < 3 && strcmp(*argv, ways[way]) != 0; way++)
		;
	if (way == 3 || !call_parse(&call, way, argv + 1))
		return usage();
	if (thread)
		return in_thread(&call);
	do_and_print(&call);
	return 0;
}
