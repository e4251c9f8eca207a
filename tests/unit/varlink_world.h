/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A service in the process of the test, and a client of it. */
#pragma once

#include "proto/varlink_server.h"
#include "tests/unit/dialog.h"

typedef struct World {
	sd_event *event;
	VarlinkServer *server;
	Dialog d;
	VarlinkCall *held; /* of Hold and Watch */
	int closed, oneways;
} World;

static World world;
static int allowed;

typedef struct Echo {
	const char *text, *kind;
	int64_t number;
	bool flag;
	json_object *object, *list;
} Echo;

static const char *const kinds[] = { "good", "bad", NULL };

static inline int on_echo(VarlinkCall *call, json_object *parameters, void *userdata)
{
	static const VarlinkField fields[] = {
		{ "text", VARLINK_STRING, false, offsetof(Echo, text), NULL },
		{ "kind", VARLINK_STRING, true, offsetof(Echo, kind), kinds },
		{ "number", VARLINK_INT, true, offsetof(Echo, number), NULL },
		{ "flag", VARLINK_BOOL, true, offsetof(Echo, flag), NULL },
		{ "object", VARLINK_OBJECT, true, offsetof(Echo, object), NULL },
		{ "list", VARLINK_STRINGS, true, offsetof(Echo, list), NULL },
		{},
	};
	json_object *reply = json_object_new_object();
	const char *bad;
	Echo e = {};

	if (varlink_dispatch(parameters, fields, &e, &bad) < 0) {
		json_object_put(reply);
		varlink_error_invalid_parameter(call, bad);
		return 0;
	}
	world.oneways++;
	assert_int_equal(json_add_string(reply, "text", e.text), 0);
	varlink_reply(call, reply);
	return 0;
}

static inline void on_closed(VarlinkCall *call, void *userdata)
{
	world.closed++;
	world.held = NULL;
	varlink_call_free(call);
}

static inline int on_hold(VarlinkCall *call, json_object *parameters, void *userdata)
{
	world.held = call;
	varlink_call_on_close(call, on_closed, NULL);
	return 0;
}

static inline int on_break(VarlinkCall *call, json_object *parameters, void *userdata)
{
	return -ENOSPC;
}

static inline int authorize(int fd, void *userdata)
{
	return allowed;
}

static const VarlinkMethod methods[] = {
	{ .name = "Echo", .handler = on_echo },
	{ .name = "Hold", .handler = on_hold },
	{ .name = "Watch", .handler = on_hold, .more = true },
	{ .name = "Break", .handler = on_break },
	{},
};

static VarlinkService service = {
	.interface = "a.test",
	.description = "interface a.test",
	.methods = methods,
	.vendor = "v",
	.product = "p",
	.version = "1",
	.url = "u",
	.authorize = authorize,
};

static inline int setup(void **state)
{
	int fd;

	assert_int_equal(scratch_setup(state), 0);
	world = (World){};
	allowed = 0;
	service.stall_usec = 0;
	assert_int_equal(sd_event_new(&world.event), 0);
	assert_int_equal(varlink_server_new(world.event, &service, &world.server), 0);
	fd = varlink_listen_unix(scratch_path("socket"), 0600);
	assert_true(fd >= 0);
	assert_true(varlink_server_listen(world.server, fd) >= 0);
	dialog_open(&world.d, world.event, scratch_path("socket"));
	return 0;
}

static inline int teardown(void **state)
{
	dialog_close(&world.d);
	varlink_server_free(world.server);
	sd_event_unref(world.event);
	return scratch_teardown(state);
}

static inline void hear_echo(Dialog *d, const char *text)
{
	_cleanup_json_ json_object *answer = dialog_hear(d);

	assert_non_null(answer);
	assert_null(json_get_string(answer, "error"));
	assert_string_equal(json_get_string(dialog_parameters(answer), "text"), text);
}

static inline void assert_echo(const char *text)
{
	hear_echo(&world.d, text);
}

static inline void assert_error(const char *error, const char *key, const char *value)
{
	_cleanup_json_ json_object *answer = dialog_hear(&world.d);

	dialog_assert_error(answer, error, key, value);
}

#define ECHO(text) "{\"method\":\"a.test.Echo\",\"parameters\":{\"text\":\"" text "\"}}"

#define server_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
