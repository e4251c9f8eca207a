/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The framing: messages in pieces, too long ones, and what is none. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "proto/varlink.h"

typedef struct Pair {
	VarlinkStream stream;
	int peer;
} Pair;

static Pair pair_new(void)
{
	Pair p;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	varlink_stream_init(&p.stream, fds[0]);
	p.peer = fds[1];
	return p;
}

static void pair_done(Pair *p)
{
	varlink_stream_done(&p->stream);
	close(p->peer);
}

static void put(const Pair *p, const char *text, size_t size)
{
	assert_int_equal(write(p->peer, text, size), size);
}

static int take(Pair *p, const char *want)
{
	_cleanup_json_ json_object *o = NULL;
	int r = varlink_stream_next(&p->stream, &o);

	if (r > 0)
		assert_string_equal(json_get_string(o, "method"), want);
	return r;
}

static void whole_messages(void **state)
{
	static const char two[] = "{\"method\":\"a\"}\0{\"method\":\"b\"}";
	Pair p = pair_new();

	put(&p, two, sizeof(two));
	assert_int_equal(varlink_stream_read(&p.stream), 1);
	assert_int_equal(take(&p, "a"), 1);
	assert_int_equal(take(&p, "b"), 1);
	assert_int_equal(take(&p, NULL), 0);
	assert_false(varlink_stream_partial(&p.stream));
	pair_done(&p);
}

static void split_reads(void **state)
{
	static const char text[] = "{\"method\":\"split\"}";
	Pair p = pair_new();

	for (size_t i = 0; i < sizeof(text); i++) {
		assert_int_equal(take(&p, NULL), 0);
		put(&p, text + i, 1);
		assert_int_equal(varlink_stream_read(&p.stream), 1);
		assert_true(varlink_stream_partial(&p.stream));
	}
	assert_int_equal(take(&p, "split"), 1);
	pair_done(&p);
}

static void nothing_and_end(void **state)
{
	Pair p = pair_new();

	assert_int_equal(varlink_stream_read(&p.stream), -EAGAIN);
	shutdown(p.peer, SHUT_WR);
	assert_int_equal(varlink_stream_read(&p.stream), 0);
	pair_done(&p);
}

static void no_json(void **state)
{
	static const char *const texts[] = {
		"",	     "{",    "[]",   "7",	 "\"a\"",
		"null",	     "{} x", "{}{}", "{\"a\":}", "{\"a\":\"\xff\"}",
		"{\"a\":1,}"
	};

	for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
		Pair p = pair_new();

		put(&p, texts[i], strlen(texts[i]) + 1);
		put(&p, "{\"method\":\"next\"}", 18);
		assert_int_equal(varlink_stream_read(&p.stream), 1);
		assert_int_equal(take(&p, NULL), -EBADMSG);
		/* It is used up, and what follows is read. */
		assert_int_equal(take(&p, "next"), 1);
		pair_done(&p);
	}
}

static void too_deep(void **state)
{
	_cleanup_json_ json_object *o = NULL;
	char text[20000];

	memset(text, '[', sizeof(text));
	memcpy(text, "{\"a\":", 5);
	assert_int_equal(varlink_parse(text, sizeof(text), &o), -EBADMSG);
}

/* Sends until the stream's other end has read it all. */
static void pump(Pair *p, size_t size)
{
	static char block[65536];

	memset(block, 'x', sizeof(block));
	while (size > 0) {
		size_t n = size < sizeof(block) ? size : sizeof(block);
		ssize_t w = write(p->peer, block, n);

		if (w > 0)
			size -= (size_t)w;
		while (varlink_stream_read(&p->stream) > 0)
			;
	}
}

static void too_long(void **state)
{
	Pair p = pair_new();

	pump(&p, 50u << 20);
	assert_int_equal(take(&p, NULL), 0);
	assert_true(p.stream.discarding);
	assert_true(p.stream.in_size <= VARLINK_MESSAGE_MAX + (1u << 20) * 10);
	put(&p, "\0{\"method\":\"after\"}", 20);
	assert_int_equal(varlink_stream_read(&p.stream), 1);
	assert_int_equal(take(&p, NULL), -EMSGSIZE);
	assert_int_equal(take(&p, "after"), 1);
	pair_done(&p);
}

static void output_is_bounded(void **state)
{
	_cleanup_json_ json_object *o = json_object_new_object();
	Pair p = pair_new();

	assert_int_equal(json_add_string(o, "text", "0123456789"), 0);
	assert_int_equal(varlink_stream_queue(&p.stream, o, 10), -ENOBUFS);
	assert_int_equal(varlink_stream_pending(&p.stream), 0);
	assert_int_equal(varlink_stream_queue(&p.stream, o, 40), 0);
	assert_int_equal(varlink_stream_queue(&p.stream, o, 40), -ENOBUFS);
	assert_int_equal(varlink_stream_flush(&p.stream), 0);
	assert_int_equal(varlink_stream_queue(&p.stream, o, 40), 0);
	pair_done(&p);
}

static void output_waits(void **state)
{
	_cleanup_json_ json_object *o = json_object_new_object();
	static char big[4u << 20], buffer[65536];
	Pair p = pair_new();
	size_t total = 0;
	ssize_t n;
	int r;

	memset(big, 'a', sizeof(big) - 1);
	assert_int_equal(json_add_string(o, "text", big), 0);
	assert_int_equal(varlink_stream_queue(&p.stream, o, VARLINK_MESSAGE_MAX), 0);
	do {
		r = varlink_stream_flush(&p.stream);
		while ((n = read(p.peer, buffer, sizeof(buffer))) > 0)
			total += (size_t)n;
	} while (r == -EAGAIN);
	assert_int_equal(r, 0);
	assert_int_equal(total, sizeof(big) - 1 + strlen("{\"text\":\"\"}") + 1);
	pair_done(&p);
}

static void assert_text(const char *json, const char *expected)
{
	_cleanup_json_ json_object *o = NULL;

	assert_int_equal(varlink_parse(json, strlen(json), &o), 0);
	assert_string_equal(json_get_string(o, "a"), expected);
}

/* json-c 0.18 is of another opinion, if it is let. */
static void all_characters_are_taken(void **state)
{
	static const char *const wrong[] = {
		"{\"a\":\"\xff\"}",	  "{\"a\":\"\xc3\"}",
		"{\"a\":\"\xc0\x80\"}",	  "{\"a\":\"\xed\xa0\x80\"}",
		"{\"a\":\"\\\xc3\xa4\"}", "{\"a\":1}\xc3\xa4",
		"{\xc3\xa4:1}",
	};
	json_object *o;

	assert_text("{\"a\":\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z\"}",
		    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z");
	assert_text("{\"a\":\"\\\\\xc3\xa4\\n\"}", "\\\xc3\xa4\n");
	assert_text("{\"\xc3\xa4\":1,\"a\":\"\xef\xbf\xbd\"}", "\xef\xbf\xbd");
	for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
		assert_int_equal(varlink_parse(wrong[i], strlen(wrong[i]), &o), -EBADMSG);
}

static void peer_is_gone(void **state)
{
	_cleanup_json_ json_object *o = json_object_new_object();
	Pair p = pair_new();

	close(p.peer);
	p.peer = open("/dev/null", O_RDONLY);
	assert_int_equal(varlink_stream_queue(&p.stream, o, 100), 0);
	assert_int_equal(varlink_stream_flush(&p.stream), -EPIPE);
	pair_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_messages),
		cmocka_unit_test(split_reads),
		cmocka_unit_test(nothing_and_end),
		cmocka_unit_test(no_json),
		cmocka_unit_test(too_deep),
		cmocka_unit_test(too_long),
		cmocka_unit_test(output_is_bounded),
		cmocka_unit_test(output_waits),
		cmocka_unit_test(all_characters_are_taken),
		cmocka_unit_test(peer_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
