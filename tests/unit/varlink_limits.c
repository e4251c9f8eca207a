/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The service among clients that are slow, broken or hostile: none of them harms another. */
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "proto/varlink_connection.h"
#include "tests/unit/varlink_world.h"

#define FLOOD 10000
#define GUARD 200000
/* What the test needs besides, of descriptors. */
#define OTHERS 700

/* Another client, who is served while the first does its worst. */
static void open_other(Dialog *other)
{
	dialog_open(other, world.event, scratch_path("socket"));
}

static void assert_served(Dialog *other)
{
	dialog_say(other, ECHO("other"));
	hear_echo(other, "other");
}

static void assert_others_are_served(void)
{
	Dialog other;

	open_other(&other);
	assert_served(&other);
	dialog_close(&other);
}

/* As long as the service does something by itself. */
static void settle(void)
{
	int i = 0;

	while (sd_event_run(world.event, 0) > 0)
		assert_true(++i < GUARD);
}

static void assert_hung_up(void)
{
	assert_null(dialog_hear(&world.d));
	assert_others_are_served();
}

/* Without the end. */
static void say_part(Dialog *d, const char *text)
{
	dialog_send(d, text, strlen(text));
}

static void deep_nesting(void **state)
{
	static char text[100000];

	memset(text, '[', sizeof(text));
	say_part(&world.d, "{\"method\":\"a.test.Echo\",\"parameters\":");
	dialog_send(&world.d, text, sizeof(text));
	dialog_send(&world.d, "", 1);
	assert_hung_up();
}

static void text_that_is_not_utf_8(void **state)
{
	dialog_say(&world.d, ECHO("\xc3\x28"));
	assert_hung_up();
}

static void a_nul_within_a_string(void **state)
{
	dialog_say(&world.d, ECHO("a\\u0000b"));
	assert_error(VARLINK_ERROR_INVALID_PARAMETER, "parameter", "text");
}

static void say_often(const char *text)
{
	static char many[3 * VARLINK_VALUES_MAX];

	for (size_t i = 0; i < VARLINK_VALUES_MAX; i++)
		memcpy(many + 3 * i, text, 3);
	dialog_send(&world.d, many, sizeof(many));
}

static void more_values_than_one_may_have(void **state)
{
	say_part(&world.d, "{\"method\":\"a.test.Echo\",\"parameters\":{\"text\":[{}");
	say_often(",{}");
	dialog_say(&world.d, "]}}");
	assert_error("a.test.LimitExceeded", "message", "values");
	/* What only looks like some is text. */
	say_part(&world.d, "{\"method\":\"a.test.Echo\",\"parameters\":{\"text\":\"\\\"");
	say_often(",[{");
	dialog_say(&world.d, "\\\\\"}}");
	json_object_put(dialog_hear(&world.d));
	assert_int_equal(world.oneways, 1);
}

/* Sends on until the service hangs up; returns how much that was. */
static size_t send_until_hung_up(const char *bytes, size_t size, size_t most)
{
	size_t sent = 0;

	while (sent < most) {
		ssize_t n = send(world.d.stream.fd, bytes, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			dialog_step(&world.d);
		else if (n < 0)
			break;
		else
			sent += (size_t)n;
	}
	return sent;
}

static void a_gigabyte_without_an_end(void **state)
{
	static char block[1u << 20];
	Dialog other;
	size_t sent;

	memset(block, 'x', sizeof(block));
	open_other(&other);
	dialog_send(&world.d, block, sizeof(block));
	assert_served(&other);
	for (int i = 0; i < 20; i++)
		dialog_send(&world.d, block, sizeof(block));
	assert_served(&other);
	assert_true(world.server->bytes < 2 * VARLINK_MESSAGE_MAX);
	sent = send_until_hung_up(block, sizeof(block), 1u << 30);
	assert_true(sent < 2 * VARLINK_DISCARD_MAX);
	assert_served(&other);
	dialog_close(&other);
}

/* Each by itself is within the limit of one message. */
static void halves_of_long_messages(void **state)
{
	static char block[8u << 20];
	static Dialog many[16];

	memset(block, 'x', sizeof(block));
	for (size_t i = 0; i < ELEMENTSOF(many); i++) {
		open_other(&many[i]);
		for (size_t sent = 0; sent < sizeof(block);) {
			ssize_t n =
				send(many[i].stream.fd, block, sizeof(block) - sent, MSG_NOSIGNAL);

			if (n < 0 && errno != EAGAIN)
				break;
			sent += n < 0 ? 0 : (size_t)n;
			settle();
			assert_true(world.server->bytes <=
				    VARLINK_USER_BYTES_MAX + 2 * VARLINK_MESSAGE_MAX);
		}
	}
	assert_true(world.server->n_connections < ELEMENTSOF(many));
	assert_others_are_served();
	for (size_t i = 0; i < ELEMENTSOF(many); i++)
		dialog_close(&many[i]);
	settle();
	assert_int_equal(world.server->bytes, world.server->newest->bytes);
}

static void half_a_message_is_not_waited_for(void **state)
{
	service.stall_usec = 20000;
	say_part(&world.d, "{\"method\":");
	assert_hung_up();
}

/* Not even if it grows. */
static void nor_is_one_that_comes_byte_by_byte(void **state)
{
	service.stall_usec = 20000;
	say_part(&world.d, "{");
	assert_true(send_until_hung_up(" ", 1, GUARD) < GUARD);
	assert_others_are_served();
}

/* Who says nothing at all costs nothing. */
static void silence_is_no_standstill(void **state)
{
	service.stall_usec = 1;
	assert_others_are_served();
	settle();
	dialog_say(&world.d, ECHO("still here"));
	assert_echo("still here");
}

/* As many requests as get through; returns how many. */
static size_t ask_without_reading(const char *message, size_t size, size_t most)
{
	for (size_t i = 0; i < most; i++) {
		ssize_t n = send(world.d.stream.fd, message, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			settle();
			n = send(world.d.stream.fd, message, size, MSG_NOSIGNAL);
		}
		if (n != (ssize_t)size)
			return i;
	}
	return most;
}

static void who_does_not_read_replies_is_not_read(void **state)
{
	static char text[8000], message[8100];
	Dialog other;
	size_t size;

	memset(text, 'a', sizeof(text) - 1);
	size = (size_t)snprintf(message, sizeof(message),
				"{\"method\":\"a.test.Echo\",\"parameters\":{\"text\":\"%s\"}}",
				text) +
	       1;
	open_other(&other);
	assert_true(ask_without_reading(message, size, 10000) < 10000);
	assert_true(world.oneways < 5000);
	assert_true(world.server->bytes < (1u << 20));
	assert_served(&other);
	dialog_close(&other);
	/* What was asked is answered to who reads after all. */
	json_object_put(dialog_hear(&world.d));
}

static void and_is_dropped_in_the_end(void **state)
{
	static char text[8000], message[8100];
	size_t size;

	service.stall_usec = 20000;
	dialog_close(&world.d);
	open_other(&world.d);
	memset(text, 'a', sizeof(text) - 1);
	size = (size_t)snprintf(message, sizeof(message),
				"{\"method\":\"a.test.Echo\",\"parameters\":{\"text\":\"%s\"}}",
				text) +
	       1;
	(void)ask_without_reading(message, size, 10000);
	for (int i = 0; world.server->n_connections > 0; i++) {
		assert_true(i < GUARD);
		assert_true(sd_event_run(world.event, 1000000) >= 0);
	}
	assert_others_are_served();
}

/* One with many requests waits for its turn as all do. */
static void turns_are_taken(void **state)
{
	static char many[200 * sizeof(ECHO("x"))];
	Dialog other;

	for (size_t i = 0; i < 200; i++)
		memcpy(many + i * sizeof(ECHO("x")), ECHO("x"), sizeof(ECHO("x")));
	open_other(&other);
	settle();
	dialog_send(&world.d, many, sizeof(many));
	assert_served(&other);
	assert_true(world.oneways > 1 && world.oneways <= 3 * VARLINK_TURN);
	for (int i = 0; i < 200; i++)
		assert_echo("x");
	dialog_close(&other);
}

static void what_was_asked_before_leaving_is_done(void **state)
{
	for (int i = 0; i < 100; i++)
		dialog_say(&world.d, "{\"method\":\"a.test.Echo\",\"oneway\":true,"
				     "\"parameters\":{\"text\":\"x\"}}");
	dialog_close(&world.d);
	settle();
	assert_int_equal(world.oneways, 100);
	open_other(&world.d);
}

static void allow_descriptors(rlim_t n)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = n;
	if (limit.rlim_max < n)
		limit.rlim_max = n;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void flood(Dialog *many, size_t n, const char *message, size_t size)
{
	for (size_t i = 0; i < n; i++) {
		open_other(&many[i]);
		if (size)
			dialog_send(&many[i], message, size);
		settle();
	}
}

static void end_flood(Dialog *many, size_t n)
{
	for (size_t i = 0; i < n; i++)
		dialog_close(&many[i]);
	settle();
}

static void ten_thousand_connections(void **state)
{
	static Dialog many[FLOOD];

	allow_descriptors(FLOOD + OTHERS);
	flood(many, FLOOD, NULL, 0);
	assert_int_equal(world.server->n_connections, VARLINK_USER_CONNECTIONS_MAX);
	assert_others_are_served();
	assert_served(&many[FLOOD - 1]);
	end_flood(many, FLOOD);
	assert_int_equal(world.server->n_connections, 0);
}

static void ten_thousand_halves_of_messages(void **state)
{
	static Dialog many[FLOOD];

	allow_descriptors(FLOOD + OTHERS);
	flood(many, FLOOD, "{\"method\"", 9);
	assert_int_equal(world.server->n_connections, VARLINK_USER_CONNECTIONS_MAX);
	assert_others_are_served();
	end_flood(many, FLOOD);
}

/* The service has hung up already; what it said is there all the same. */
static void assert_turned_away(void)
{
	_cleanup_varlink_client_ VarlinkClient *late = NULL;
	_cleanup_varlink_reply_ VarlinkReply reply = {};

	assert_int_equal(varlink_client_connect(scratch_path("socket"), &late), 0);
	settle();
	assert_int_equal(varlink_client_call(late, "a.test.Echo", NULL, &reply), 0);
	assert_non_null(reply.error);
	assert_string_equal(reply.error, "a.test.LimitExceeded");
	assert_non_null(json_get_string(reply.parameters, "hint"));
}

/* A call under way is not given up for another. */
static void all_busy(void **state)
{
	static Dialog many[VARLINK_USER_CONNECTIONS_MAX - 1];
	static const char hold[] = "{\"method\":\"a.test.Hold\"}";

	dialog_say(&world.d, hold);
	flood(many, ELEMENTSOF(many), hold, sizeof(hold));
	assert_int_equal(world.server->n_connections, VARLINK_USER_CONNECTIONS_MAX);
	assert_turned_away();
	varlink_reply(world.held, NULL);
	assert_others_are_served();
	end_flood(many, ELEMENTSOF(many));
}

static void streams_of_events(void **state)
{
	static Dialog many[VARLINK_USER_STREAMS_MAX];
	static const char watch[] = "{\"method\":\"a.test.Watch\",\"more\":true}";

	flood(many, ELEMENTSOF(many), watch, sizeof(watch));
	dialog_say(&world.d, watch);
	assert_error("a.test.LimitExceeded", "message", "streams");
	assert_others_are_served();
	dialog_close(&many[0]);
	settle();
	dialog_say(&world.d, watch);
	settle();
	assert_int_equal(varlink_notify(world.held, NULL), 0);
	json_object_put(dialog_hear(&world.d));
	end_flood(many + 1, ELEMENTSOF(many) - 1);
}

/* Only root can be others; then root's own connection has a place that they can not take. */
static void some_are_kept_for_root(void **state)
{
	static Dialog many[5][VARLINK_USER_CONNECTIONS_MAX];
	static const char hold[] = "{\"method\":\"a.test.Hold\"}";
	const unsigned int users = geteuid() == 0 ? 5 : 1;

	allow_descriptors(2 * VARLINK_CONNECTIONS_MAX + OTHERS);
	assert_int_equal(chmod(scratch_path("socket"), 0666), 0);
	for (unsigned int u = 0; u < users; u++) {
		for (size_t i = 0; i < VARLINK_USER_CONNECTIONS_MAX; i++) {
			assert_int_equal(users > 1 ? seteuid(1000 + u) : 0, 0);
			open_other(&many[u][i]);
			assert_int_equal(users > 1 ? seteuid(0) : 0, 0);
			dialog_send(&many[u][i], hold, sizeof(hold));
			settle();
		}
	}
	if (users > 1) {
		assert_int_equal(world.server->n_connections,
				 VARLINK_CONNECTIONS_MAX - VARLINK_CONNECTIONS_KEPT);
		assert_others_are_served();
		assert_int_equal(prctl(PR_SET_DUMPABLE, 1), 0);
	}
	for (unsigned int u = 0; u < users; u++)
		end_flood(many[u], VARLINK_USER_CONNECTIONS_MAX);
}

/* Opens descriptors until there are no more; returns how many. */
static size_t use_up(int *fds, size_t n)
{
	size_t i = 0;

	while (i < n && (fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		i++;
	assert_true(i < n);
	return i;
}

/* The loop does not turn for nothing, and goes on when there are some again. */
static void without_descriptors(void **state)
{
	static int fds[2048];
	Dialog late;
	size_t n;

	allow_descriptors(1024);
	dialog_say(&world.d, "{\"method\":\"a.test.Hold\"}");
	settle();
	open_other(&late);
	settle();
	dialog_close(&late);
	settle();
	late.stream.fd = -EBADF;
	n = use_up(fds, ELEMENTSOF(fds));
	close(fds[--n]);
	open_other(&late);
	dialog_say(&late, ECHO("late"));
	settle();
	assert_int_equal(world.server->n_connections, 1);
	while (n > 0)
		close(fds[--n]);
	hear_echo(&late, "late");
	dialog_close(&late);
}

/* With an idle one, that one's is taken. */
static void without_descriptors_the_idle_one_gives_way(void **state)
{
	static int fds[2048];
	Dialog late;
	size_t n;

	allow_descriptors(1024);
	assert_others_are_served();
	n = use_up(fds, ELEMENTSOF(fds));
	close(fds[--n]);
	open_other(&late);
	assert_served(&late);
	while (n > 0)
		close(fds[--n]);
	assert_hung_up();
	dialog_close(&late);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		server_test(deep_nesting),
		server_test(text_that_is_not_utf_8),
		server_test(a_nul_within_a_string),
		server_test(more_values_than_one_may_have),
		server_test(a_gigabyte_without_an_end),
		server_test(halves_of_long_messages),
		server_test(half_a_message_is_not_waited_for),
		server_test(nor_is_one_that_comes_byte_by_byte),
		server_test(silence_is_no_standstill),
		server_test(who_does_not_read_replies_is_not_read),
		server_test(and_is_dropped_in_the_end),
		server_test(turns_are_taken),
		server_test(what_was_asked_before_leaving_is_done),
		server_test(ten_thousand_connections),
		server_test(ten_thousand_halves_of_messages),
		server_test(all_busy),
		server_test(streams_of_events),
		server_test(some_are_kept_for_root),
		server_test(without_descriptors),
		server_test(without_descriptors_the_idle_one_gives_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
