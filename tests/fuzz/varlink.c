/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever a client sends: the first byte says in how large pieces the rest is sent to a service
 * whose methods use every kind of parameter.
 */
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "proto/varlink_server.h"

#define STEPS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Parameters {
	const char *text, *kind;
	int64_t number;
	bool flag;
	json_object *object, *list;
} Parameters;

static sd_event *event;
static VarlinkServer *server;
static VarlinkCall *held;
static char path[64];

static int on_echo(VarlinkCall *call, json_object *parameters, void *userdata)
{
	static const char *const kinds[] = { "one", "two", NULL };
	static const VarlinkField fields[] = {
		{ "text", VARLINK_STRING, false, offsetof(Parameters, text), NULL },
		{ "kind", VARLINK_STRING, true, offsetof(Parameters, kind), kinds },
		{ "number", VARLINK_INT, true, offsetof(Parameters, number), NULL },
		{ "flag", VARLINK_BOOL, true, offsetof(Parameters, flag), NULL },
		{ "object", VARLINK_OBJECT, true, offsetof(Parameters, object), NULL },
		{ "list", VARLINK_STRINGS, true, offsetof(Parameters, list), NULL },
		{},
	};
	Parameters p = {};
	const char *bad;

	if (varlink_dispatch(parameters, fields, &p, &bad) < 0)
		varlink_error_invalid_parameter(call, bad);
	else
		varlink_reply(call, json_object_get(parameters));
	return 0;
}

static void on_closed(VarlinkCall *call, void *userdata)
{
	held = NULL;
	varlink_call_free(call);
}

static int on_watch(VarlinkCall *call, json_object *parameters, void *userdata)
{
	if (held)
		return -EBUSY;
	held = call;
	varlink_call_on_close(call, on_closed, NULL);
	(void)varlink_notify(call, json_object_get(parameters));
	return 0;
}

static const VarlinkMethod methods[] = {
	{ .name = "Echo", .handler = on_echo },
	{ .name = "Watch", .handler = on_watch, .more = true },
	{},
};

static const VarlinkService service = {
	.interface = "a.b",
	.description = "interface a.b",
	.methods = methods,
	.vendor = "v",
	.product = "p",
	.version = "1",
	.url = "u",
};

static void start(void)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/vkernel-fuzz-%d", getpid());
	if (sd_event_new(&event) < 0 || varlink_server_new(event, &service, &server) < 0)
		abort();
	fd = varlink_listen_unix(path, 0600);
	if (fd < 0 || varlink_server_listen(server, fd) < 0)
		abort();
}

static int open_client(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	strcpy(sa.sun_path, path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		abort();
	return fd;
}

static void run(void)
{
	for (int i = 0; i < STEPS_MAX && sd_event_run(event, 0) > 0; i++)
		;
}

static void answer(int fd)
{
	char buffer[4096];

	while (read(fd, buffer, sizeof(buffer)) > 0)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t piece;
	int fd;

	if (size == 0)
		return 0;
	if (!server)
		start();
	piece = (size_t)data[0] + 1;
	data++;
	size--;
	fd = open_client();
	while (size > 0) {
		size_t n = size < piece ? size : piece;

		if (send(fd, data, n, MSG_NOSIGNAL) < 0)
			break;
		data += n;
		size -= n;
		run();
		answer(fd);
	}
	close(fd);
	run();
	return 0;
}
