/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The service's socket: who comes in. */
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "proto/varlink_connection.h"

/* One who is turned away is told why, as the answer to what he will ask. */
static void turn_away(const VarlinkServer *s, int fd)
{
	_cleanup_json_ json_object *reply =
		call_limit_error(s->service, "there are too many connections to the service",
				 "end those that are not needed, or try again later");
	VarlinkStream stream;

	varlink_stream_init(&stream, fd);
	if (reply && varlink_stream_queue(&stream, reply, VARLINK_OUT_FULL) >= 0)
		(void)varlink_stream_flush(&stream);
	varlink_stream_done(&stream);
}

static void take(VarlinkServer *s, int fd)
{
	User *u;

	if (user_get(s, fd, &u) < 0) {
		close(fd);
		return;
	}
	if (limit_connections(s, u) < 0)
		turn_away(s, fd);
	else
		(void)connection_new(s, fd, u);
	user_put(s, u);
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata)
{
	VarlinkServer *s = userdata;

	return sd_event_source_set_enabled(s->listener, SD_EVENT_ON);
}

/* Whoever waits goes on waiting, without the loop turning for it. */
static void pause_listening(VarlinkServer *s)
{
	if (sd_event_source_set_time_relative(s->again, VARLINK_PAUSE_USEC) >= 0 &&
	    sd_event_source_set_enabled(s->again, SD_EVENT_ONESHOT) >= 0)
		(void)sd_event_source_set_enabled(s->listener, SD_EVENT_OFF);
}

static bool is_transient(int error)
{
	return error == EAGAIN || error == EINTR || error == ECONNABORTED;
}

static int on_connect(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	VarlinkServer *s = userdata;
	int peer;

	peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (peer >= 0)
		take(s, peer);
	else if (!is_transient(errno) && !limit_make_room(s))
		pause_listening(s);
	return 0;
}

int varlink_server_new(sd_event *event, const VarlinkService *service, VarlinkServer **ret)
{
	VarlinkServer *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->event = sd_event_ref(event);
	s->service = service;
	s->listen_fd = -EBADF;
	*ret = s;
	return 0;
}

int varlink_server_listen(VarlinkServer *s, int fd)
{
	int r;

	s->listen_fd = fd;
	r = sd_event_add_io(s->event, &s->listener, fd, EPOLLIN, on_connect, s);
	if (r >= 0)
		r = sd_event_add_time_relative(s->event, &s->again, CLOCK_MONOTONIC, 0, 0, on_again,
					       s);
	return r < 0 ? r : sd_event_source_set_enabled(s->again, SD_EVENT_OFF);
}

void varlink_server_stop(VarlinkServer *s)
{
	s->stopping = true;
	(void)sd_event_source_set_enabled(s->listener, SD_EVENT_OFF);
	(void)sd_event_source_set_enabled(s->again, SD_EVENT_OFF);
}

VarlinkServer *varlink_server_free(VarlinkServer *s)
{
	if (!s)
		return NULL;
	sd_event_source_disable_unref(s->listener);
	sd_event_source_disable_unref(s->again);
	closep(&s->listen_fd);
	while (s->newest)
		connection_free(s->newest);
	sd_event_unref(s->event);
	free(s);
	return NULL;
}

int varlink_listen_unix(const char *path, mode_t mode)
{
	_cleanup_close_ int fd = -EBADF;
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct stat st;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && unlink(path) < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || chmod(path, mode) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		return -errno;
	return TAKE_FD(fd);
}
