/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs vkctl against a service that answers what a test wants. */
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "proto/varlink.h"

extern char **environ;

static char directory[] = "/tmp/vkctl-test-XXXXXX";

struct outcome {
	int status;
	char out[32768], err[8192];
	char request[65536]; /* empty: it never asked */
};

struct service {
	int listener;
	const char *reply; /* a NUL ends each, an empty one the lot */
	bool in_turn; /* one for each request, not all for one */
	char *request;
	size_t size;
};

static struct outcome outcome;

/* path: room for a socket address */
static inline void path_of(const char *name, char *path)
{
	snprintf(path, 108, "%s/%s", directory, name);
}

static inline void put_bytes(const char *name, const char *text, size_t length)
{
	char path[128];
	FILE *file;

	path_of(name, path);
	file = fopen(path, "w");
	assert_non_null(file);
	fwrite(text, 1, length, file);
	fclose(file);
}

static inline void put_file(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

static inline void get_file(const char *name, char *text, size_t size)
{
	char path[128];
	size_t n;
	FILE *file;

	path_of(name, path);
	file = fopen(path, "r");
	assert_non_null(file);
	n = fread(text, 1, size - 1, file);
	text[n] = 0;
	fclose(file);
}

/* Another request behind those before. */
static inline bool hear(struct service *service, int fd)
{
	size_t length = strlen(service->request);
	char byte;

	while (read(fd, &byte, 1) == 1) {
		if (length + 1 < service->size)
			service->request[length++] = byte ? byte : '\n';
		if (!byte)
			return true;
	}
	return false;
}

static inline void *serve(void *userdata)
{
	struct service *service = userdata;
	_cleanup_close_ int fd = accept(service->listener, NULL, NULL);
	const char *reply = service->reply;

	if (fd < 0 || !hear(service, fd))
		return NULL;
	for (; reply && *reply; reply += strlen(reply) + 1)
		if (send(fd, reply, strlen(reply) + 1, MSG_NOSIGNAL) < 0 ||
		    (service->in_turn && !hear(service, fd)))
			break;
	return NULL;
}

static inline int listen_here(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	path_of("socket", address.sun_path);
	unlink(address.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static inline void open_file(posix_spawn_file_actions_t *actions, int fd, const char *name,
			     int flags)
{
	char path[128];

	path_of(name, path);
	posix_spawn_file_actions_addopen(actions, fd, path, flags, 0600);
}

/* argv[0] may be another name of vkctl's. */
static inline void spawn(char **argv)
{
	posix_spawn_file_actions_t actions;
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	open_file(&actions, 0, "in", O_RDONLY);
	open_file(&actions, 1, "out", O_WRONLY | O_CREAT | O_TRUNC);
	open_file(&actions, 2, "err", O_WRONLY | O_CREAT | O_TRUNC);
	assert_int_equal(posix_spawn(&pid, VKCTL, &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	get_file("out", outcome.out, sizeof(outcome.out));
	get_file("err", outcome.err, sizeof(outcome.err));
}

/* Runs "PROGRAM WORDS", split at blanks, with the replies waiting for it; returns its status. */
static inline int program_service(const char *program, const char *replies, bool in_turn,
				  const char *words)
{
	struct service service = { .reply = replies,
				   .in_turn = in_turn,
				   .request = outcome.request,
				   .size = sizeof(outcome.request) };
	char copy[1024], *argv[32] = { (char *)program }, *save = NULL;
	pthread_t thread;
	size_t n = 1;

	snprintf(copy, sizeof(copy), "%s", words);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[n++] = word;
	memset(&outcome, 0, sizeof(outcome));
	service.listener = listen_here();
	assert_int_equal(pthread_create(&thread, NULL, serve, &service), 0);
	spawn(argv);
	/* Whoever never came must not be waited for. */
	shutdown(service.listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(service.listener);
	return outcome.status;
}

static inline int vkctl_service(const char *replies, bool in_turn, const char *words)
{
	return program_service("vkctl", replies, in_turn, words);
}

static inline int vkctl_replies(const char *replies, const char *words)
{
	return vkctl_service(replies, false, words);
}

static inline int vkctl(const char *reply, const char *words)
{
	char replies[4096] = "";

	snprintf(replies, sizeof(replies) - 1, "%s", reply);
	return vkctl_replies(replies, words);
}

static inline void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no '%s' in:\n%s", part, text);
}

static inline bool may_bind(void)
{
	struct stat user, pid;

	return geteuid() == 0 && stat("/proc/self/ns/user", &user) == 0 &&
	       user.st_ino == 0xeffffffd && stat("/proc/self/ns/pid", &pid) == 0 &&
	       pid.st_ino == 0xeffffffc;
}

static inline int prepare(void **state)
{
	char path[128];

	if (!mkdtemp(directory))
		return -1;
	path_of("socket", path);
	setenv("VKERNEL_SOCKET", path, 1);
	setenv("VKERNEL_CONF", "/nonexistent", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	put_file("in", "");
	return 0;
}

static inline int clean_up(void **state)
{
	static const char *const names[] = { "in",	"out",	"err",	 "socket",
					     "profile", "conf", "armor", "config.json",
					     "runtime", "log",	"said",	 "process.json" };
	char path[128];

	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		path_of(names[i], path);
		unlink(path);
	}
	return rmdir(directory);
}
