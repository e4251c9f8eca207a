// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * confine_ops: does operations as confine_run asks for them, each in a process of its own, and says
 * how they came out: "ok", an errno's name, or that after the step that already failed.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine.h"

#define OPERATION_SECONDS 10

static const struct operation *const tables[] = {
	file_operations, program_operations, mount_operations,
	peer_operations, race_operations,    right_operations,
};
static const char *failed_step;
static char remarked[32];
static pid_t peers[NR_PEERS];

long step(const char *name, long r)
{
	if (r >= 0)
		return r;
	failed_step = name;
	return -errno;
}

void remark(long long value)
{
	snprintf(remarked, sizeof(remarked), " %lld", value);
}

long outside(const char *format, ...)
{
	char line[CONFINE_LINE];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	dprintf(STDOUT_FILENO, "?%s\n", line);
	if (!read_line(STDIN_FILENO, line, sizeof(line)))
		_exit(3);
	errno = atoi(line);
	return step("outside", errno ? -1 : 0);
}

pid_t make_child(int (*first)(void *), void *argument, int *ret)
{
	int lives[2], answer[2], r = 0;
	pid_t pid;

	if (pipe(lives) < 0 || pipe(answer) < 0)
		_exit(3);
	pid = fork();
	if (pid < 0)
		_exit(3);
	if (pid == 0) {
		close(lives[1]);
		r = first ? first(argument) : 0;
		/* Its end would be seen, too; and no signal ends it that a confinement refuses. */
		if (write(answer[1], &r, sizeof(r)) != sizeof(r) || read(lives[0], &r, 1) != 0)
			_exit(3);
		_exit(0);
	}
	close(lives[0]);
	close(answer[1]);
	if (read(answer[0], &r, sizeof(r)) != sizeof(r))
		r = -ECHILD;
	close(answer[0]);
	if (ret)
		*ret = r;
	return pid;
}

pid_t target(const char *name)
{
	static const char *const names[NR_PEERS] = { "outside", "stranger", "sibling" };
	int i;

	for (i = 0; i < NR_PEERS; i++)
		if (strcmp(name, names[i]) == 0)
			return peers[i];
	if (strcmp(name, "self") == 0)
		return getpid();
	if (strcmp(name, "parent") == 0)
		return getppid();
	return make_child(NULL, NULL, NULL);
}

int find_operation(char **words, const struct operation **ret)
{
	const struct operation *o;
	int n = 0;
	size_t i;

	while (words[n])
		n++;
	for (i = 0; n > 0 && i < sizeof(tables) / sizeof(tables[0]); i++)
		for (o = tables[i]; o->name; o++)
			if (strcmp(o->name, words[0]) == 0 &&
			    (o->words == n - 1 || (o->words < 0 && n - 1 >= -o->words))) {
				*ret = o;
				return 0;
			}
	return -EINVAL;
}

static void report(int r)
{
	const char *name = r < 0 ? strerrorname_np(-r) : "ok";

	dprintf(STDOUT_FILENO, "=%s%s%s%s\n", r < 0 && failed_step ? failed_step : "",
		r < 0 && failed_step ? ":" : "", name ?: "?", r < 0 ? "" : remarked);
}

static void run(char **words)
{
	const struct operation *operation;

	alarm(OPERATION_SECONDS);
	if (find_operation(words, &operation) < 0) {
		dprintf(STDOUT_FILENO, "=no such operation\n");
		_exit(0);
	}
	report(operation->run(words + 1));
	_exit(0);
}

/* What ended it may have been the answer. */
static void await(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		exit(3);
	if (WIFSIGNALED(status))
		dprintf(STDOUT_FILENO, "=killed %d\n", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		dprintf(STDOUT_FILENO, "=exited %d\n", WEXITSTATUS(status));
}

int main(void)
{
	char line[CONFINE_LINE], *words[CONFINE_WORDS];
	pid_t pid;
	int i;

	while (read_line(STDIN_FILENO, line, sizeof(line))) {
		if (split(line, words) <= NR_PEERS)
			return 2;
		for (i = 0; i < NR_PEERS; i++)
			peers[i] = atoi(words[i]);
		pid = fork();
		if (pid < 0)
			return 3;
		if (pid == 0)
			run(words + NR_PEERS);
		await(pid);
	}
	return 0;
}
