/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The service's side of a connection: calls in order, standard errors, and bad clients. */
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

static int on_echo(VarlinkCall *call, json_object *parameters, void *userdata)
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

static void on_closed(VarlinkCall *call, void *userdata)
{
	world.closed++;
	world.held = NULL;
	varlink_call_free(call);
}

static int on_hold(VarlinkCall *call, json_object *parameters, void *userdata)
{
	world.held = call;
	varlink_call_on_close(call, on_closed, NULL);
	return 0;
}

static int on_break(VarlinkCall *call, json_object *parameters, void *userdata)
{
	return -ENOSPC;
}

static int authorize(int fd, void *userdata)
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

static const VarlinkService service = {
	.interface = "a.test",
	.description = "interface a.test",
	.methods = methods,
	.vendor = "v",
	.product = "p",
	.version = "1",
	.url = "u",
	.authorize = authorize,
};

static int setup(void **state)
{
	int fd;

	assert_int_equal(scratch_setup(state), 0);
	world = (World){};
	allowed = 0;
	assert_int_equal(sd_event_new(&world.event), 0);
	assert_int_equal(varlink_server_new(world.event, &service, &world.server), 0);
	fd = varlink_listen_unix(scratch_path("socket"), 0600);
	assert_true(fd >= 0);
	assert_true(varlink_server_listen(world.server, fd) >= 0);
	dialog_open(&world.d, world.event, scratch_path("socket"));
	return 0;
}

static int teardown(void **state)
{
	dialog_close(&world.d);
	varlink_server_free(world.server);
	sd_event_unref(world.event);
	return scratch_teardown(state);
}

static void assert_echo(const char *text)
{
	_cleanup_json_ json_object *answer = dialog_hear(&world.d);

	assert_non_null(answer);
	assert_null(json_get_string(answer, "error"));
	assert_string_equal(json_get_string(dialog_parameters(answer), "text"), text);
}

static void assert_error(const char *error, const char *key, const char *value)
{
	_cleanup_json_ json_object *answer = dialog_hear(&world.d);

	dialog_assert_error(answer, error, key, value);
}

#define ECHO(text) "{\"method\":\"a.test.Echo\",\"parameters\":{\"text\":\"" text "\"}}"

static void calls_in_order(void **state)
{
	static const char three[] = ECHO("1") "\0" ECHO("2") "\0" ECHO("3");

	dialog_send(&world.d, three, sizeof(three));
	assert_echo("1");
	assert_echo("2");
	assert_echo("3");
}

static void byte_by_byte(void **state)
{
	static const char text[] = ECHO("slow");

	for (size_t i = 0; i < sizeof(text); i++) {
		dialog_send(&world.d, text + i, 1);
		dialog_step(&world.d);
	}
	assert_echo("slow");
}

static void a_call_that_waits_holds_up_the_next(void **state)
{
	dialog_say(&world.d, "{\"method\":\"a.test.Hold\"}");
	dialog_say(&world.d, ECHO("after"));
	for (int i = 0; i < 5; i++)
		dialog_step(&world.d);
	assert_non_null(world.held);
	assert_int_equal(world.oneways, 0);
	varlink_error(world.held, "a.test.Late", NULL);
	assert_error("a.test.Late", NULL, NULL);
	assert_echo("after");
}

static void oneway_is_not_answered(void **state)
{
	dialog_say(&world.d, "{\"method\":\"a.test.Echo\",\"oneway\":true,"
			     "\"parameters\":{\"text\":\"x\"}}");
	dialog_say(&world.d, "{\"method\":\"a.test.None\",\"oneway\":true}");
	dialog_say(&world.d, ECHO("two"));
	assert_echo("two");
	assert_int_equal(world.oneways, 2);
}

static void standard_errors(void **state)
{
	static const char *const wrong[][3] = {
		{ "{\"method\":\"a.test.None\"}", "org.varlink.service.MethodNotFound", "None" },
		{ "{\"method\":\"org.varlink.service.None\"}", "org.varlink.service.MethodNotFound",
		  "None" },
		{ "{\"method\":\"b.test.Echo\"}", "org.varlink.service.InterfaceNotFound",
		  "b.test" },
		{ "{\"method\":\"Echo\"}", "org.varlink.service.InterfaceNotFound", "Echo" },
		{ "{\"method\":\"\"}", "org.varlink.service.InterfaceNotFound", "" },
	};

	for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
		dialog_say(&world.d, wrong[i][0]);
		assert_error(wrong[i][1], strstr(wrong[i][1], "Method") ? "method" : "interface",
			     wrong[i][2]);
	}
	dialog_say(&world.d, "{\"method\":\"a.test.Watch\"}");
	assert_error("org.varlink.service.ExpectedMore", NULL, NULL);
	dialog_say(&world.d, "{\"method\":\"a.test.Break\"}");
	assert_error("a.test.Failed", "message", "space");
}

static void parameters_are_checked(void **state)
{
	static const char *const wrong[][2] = {
		{ "{}", "text" },
		{ "{\"text\":null}", "text" },
		{ "{\"text\":7}", "text" },
		{ "{\"text\":\"a\\u0000b\"}", "text" },
		{ "{\"text\":\"a\",\"more\":1}", "more" },
		{ "{\"text\":\"a\",\"kind\":\"odd\"}", "kind" },
		{ "{\"text\":\"a\",\"number\":\"1\"}", "number" },
		{ "{\"text\":\"a\",\"number\":1.5}", "number" },
		{ "{\"text\":\"a\",\"flag\":0}", "flag" },
		{ "{\"text\":\"a\",\"object\":[]}", "object" },
		{ "{\"text\":\"a\",\"list\":{}}", "list" },
		{ "{\"text\":\"a\",\"list\":[\"a\",1]}", "list" },
		{ "{\"text\":\"a\",\"list\":[\"a\",null]}", "list" },
	};
	char message[256];

	for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
		snprintf(message, sizeof(message), "{\"method\":\"a.test.Echo\",\"parameters\":%s}",
			 wrong[i][0]);
		dialog_say(&world.d, message);
		assert_error(VARLINK_ERROR_INVALID_PARAMETER, "parameter", wrong[i][1]);
	}
	dialog_say(&world.d, "{\"method\":\"a.test.Echo\",\"parameters\":{\"text\":\"a\","
			     "\"kind\":\"good\",\"number\":null,\"flag\":true,\"object\":{},"
			     "\"list\":[]}}");
	assert_echo("a");
}

static void the_service_describes_itself(void **state)
{
	_cleanup_json_ json_object *info = NULL, *text = NULL;

	dialog_say(&world.d, "{\"method\":\"org.varlink.service.GetInfo\",\"parameters\":{}}");
	info = dialog_hear(&world.d);
	assert_string_equal(json_get_string(dialog_parameters(info), "product"), "p");
	assert_int_equal(
		json_object_array_length(json_get_array(dialog_parameters(info), "interfaces")), 2);
	dialog_say(&world.d, "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
			     "\"parameters\":{\"interface\":\"a.test\"}}");
	text = dialog_hear(&world.d);
	assert_string_equal(json_get_string(dialog_parameters(text), "description"),
			    "interface a.test");
	dialog_say(&world.d, "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
			     "\"parameters\":{\"interface\":\"none\"}}");
	assert_error("org.varlink.service.InterfaceNotFound", "interface", "none");
}

static void others_are_denied(void **state)
{
	allowed = -EACCES;
	dialog_close(&world.d);
	dialog_open(&world.d, world.event, scratch_path("socket"));
	dialog_say(&world.d, ECHO("x"));
	assert_error("a.test.PermissionDenied", NULL, NULL);
	assert_int_equal(world.oneways, 0);
}

static void no_varlink_ends_the_connection(void **state)
{
	static const char *const texts[] = { "", "GET / HTTP/1.1", "{}", "{\"method\":7}",
					     "{\"method\":\"a.test.Echo\",\"parameters\":[]}" };

	for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
		dialog_say(&world.d, texts[i]);
		assert_null(dialog_hear(&world.d));
		dialog_close(&world.d);
		dialog_open(&world.d, world.event, scratch_path("socket"));
	}
	dialog_say(&world.d, ECHO("still"));
	assert_echo("still");
}

static void fifty_megabytes_are_refused(void **state)
{
	static char block[1u << 20];

	memset(block, 'x', sizeof(block));
	dialog_send(&world.d, "{\"method\":\"", 11);
	for (int i = 0; i < 50; i++)
		dialog_send(&world.d, block, sizeof(block));
	dialog_send(&world.d, "\"}", 3);
	assert_error("a.test.Failed", "message", VARLINK_MESSAGE_MAX_TEXT);
	dialog_say(&world.d, ECHO("next"));
	assert_echo("next");
}

static void who_leaves_is_noticed(void **state)
{
	dialog_say(&world.d, "{\"method\":\"a.test.Hold\"}");
	for (int i = 0; i < 5; i++)
		dialog_step(&world.d);
	assert_non_null(world.held);
	dialog_close(&world.d);
	for (int i = 0; i < 5; i++)
		assert_true(sd_event_run(world.event, 1000) >= 0);
	assert_int_equal(world.closed, 1);
}

static void more_replies(void **state)
{
	dialog_say(&world.d, "{\"method\":\"a.test.Watch\",\"more\":true}");
	for (int i = 0; i < 5; i++)
		dialog_step(&world.d);
	assert_true(varlink_call_wants_more(world.held));
	for (int i = 0; i < 2; i++) {
		_cleanup_json_ json_object *answer = NULL;

		assert_int_equal(varlink_notify(world.held, NULL), 0);
		answer = dialog_hear(&world.d);
		assert_true(json_get_bool(answer, "continues"));
	}
	varlink_reply(world.held, NULL);
	json_object_put(dialog_hear(&world.d));
}

/* What waits for one who does not read is bounded, and then he is dropped. */
static void slow_readers_are_dropped(void **state)
{
	static char text[100000];
	int r = 0;

	memset(text, 'a', sizeof(text) - 1);
	dialog_say(&world.d, "{\"method\":\"a.test.Watch\",\"more\":true}");
	for (int i = 0; i < 5; i++)
		dialog_step(&world.d);
	for (int i = 0; i < 100 && r == 0; i++) {
		json_object *o = json_object_new_object();

		assert_int_equal(json_add_string(o, "text", text), 0);
		r = varlink_notify(world.held, o);
	}
	assert_int_equal(r, -ENOTCONN);
	for (int i = 0; i < 5; i++)
		dialog_step(&world.d);
	assert_int_equal(world.closed, 1);
}

#define server_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		server_test(calls_in_order),
		server_test(byte_by_byte),
		server_test(a_call_that_waits_holds_up_the_next),
		server_test(oneway_is_not_answered),
		server_test(standard_errors),
		server_test(parameters_are_checked),
		server_test(the_service_describes_itself),
		server_test(others_are_denied),
		server_test(no_varlink_ends_the_connection),
		server_test(fifty_megabytes_are_refused),
		server_test(who_leaves_is_noticed),
		server_test(more_replies),
		server_test(slow_readers_are_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
