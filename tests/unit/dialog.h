/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client in the process of the service: while it waits for an answer, the loop runs. */
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <systemd/sd-event.h>

#include "proto/varlink.h"
#include "tests/unit/scratch.h"

#define DIALOG_STEPS 2000

typedef struct Dialog {
	sd_event *event;
	VarlinkStream stream;
} Dialog;

static inline void dialog_open(Dialog *d, sd_event *event, const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(sa.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	d->event = event;
	varlink_stream_init(&d->stream, fd);
}

static inline void dialog_close(Dialog *d)
{
	varlink_stream_done(&d->stream);
}

static inline void dialog_step(Dialog *d)
{
	assert_true(sd_event_run(d->event, 2000) >= 0);
}

/* Bytes, whatever they are; the service reads while they are written. */
static inline void dialog_send(Dialog *d, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = send(d->stream.fd, bytes, size, MSG_NOSIGNAL);

		if (n < 0) {
			assert_int_equal(errno, EAGAIN);
			dialog_step(d);
			continue;
		}
		bytes += n;
		size -= (size_t)n;
	}
}

static inline void dialog_say(Dialog *d, const char *message)
{
	dialog_send(d, message, strlen(message) + 1);
}

/* The next answer; NULL when the service hung up, or says nothing. */
static inline json_object *dialog_hear(Dialog *d)
{
	json_object *o = NULL;

	for (int i = 0; i < DIALOG_STEPS; i++) {
		int r = varlink_stream_next(&d->stream, &o);

		assert_true(r >= 0);
		if (r > 0)
			return o;
		dialog_step(d);
		r = varlink_stream_read(&d->stream);
		if (r != 1 && r != -EAGAIN)
			return NULL;
	}
	return NULL;
}

static inline json_object *dialog_parameters(json_object *answer)
{
	json_object *p = json_get_object(answer, "parameters");

	assert_non_null(p);
	return p;
}

/* Asserts an error and, if key is not NULL, one of its parameters. */
static inline void dialog_assert_error(json_object *answer, const char *error, const char *key,
				       const char *value)
{
	assert_non_null(answer);
	assert_non_null(json_get_string(answer, "error"));
	assert_string_equal(json_get_string(answer, "error"), error);
	if (!key)
		return;
	assert_non_null(json_get_string(dialog_parameters(answer), key));
	assert_non_null(strstr(json_get_string(dialog_parameters(answer), key), value));
}
