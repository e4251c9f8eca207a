/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The service's side of a connection: calls in order, standard errors, and bad clients. */
#include "tests/unit/varlink_world.h"

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

/* What a call used is gone by then: a call that ends must not lead to another one. */
static void a_server_that_stops_begins_nothing(void **state)
{
	static const char both[] =
		"{\"method\":\"a.test.Hold\"}\0{\"method\":\"a.test.Echo\",\"oneway\":true,"
		"\"parameters\":{\"text\":\"silent\"}}";

	dialog_send(&world.d, both, sizeof(both));
	for (int i = 0; i < 5; i++)
		dialog_step(&world.d);
	assert_non_null(world.held);
	varlink_server_stop(world.server);
	varlink_reply(world.held, NULL);
	json_object_put(dialog_hear(&world.d));
	assert_int_equal(world.oneways, 0);
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
		_cleanup_json_ json_object *answer = NULL;
		const char *key = strstr(wrong[i][1], "Method") ? "method" : "interface";

		dialog_say(&world.d, wrong[i][0]);
		answer = dialog_hear(&world.d);
		dialog_assert_error(answer, wrong[i][1], key, wrong[i][2]);
		assert_string_equal(json_get_string(dialog_parameters(answer), key), wrong[i][2]);
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
	assert_error("a.test.LimitExceeded", "message", VARLINK_MESSAGE_MAX_TEXT);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		server_test(calls_in_order),
		server_test(byte_by_byte),
		server_test(a_call_that_waits_holds_up_the_next),
		server_test(a_server_that_stops_begins_nothing),
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
