// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * bench-start COMMAND...: how many nanoseconds the command takes to start its program, which is
 * bench-start without a command: it says when it began.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void become(char **command, int out)
{
	dup2(out, STDOUT_FILENO);
	execvp(command[0], command);
	perror(command[0]);
	_exit(127);
}

int main(int argc, char **argv)
{
	int64_t began = now(), inside;
	int ends[2], status;
	char said[64];
	ssize_t n;

	if (argc < 2)
		return printf("%" PRId64 "\n", began) < 0;
	if (pipe(ends) < 0)
		return 2;
	began = now();
	if (fork() == 0)
		become(argv + 1, ends[1]);
	close(ends[1]);
	n = read(ends[0], said, sizeof(said) - 1);
	if (wait(&status) < 0 || status != 0 || n <= 0)
		return 1;
	said[n] = '\0';
	inside = strtoll(said, NULL, 10);
	return printf("%" PRId64 "\n", inside - began) < 0;
}
