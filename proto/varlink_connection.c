/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A connection: reads, has calls begun one by one, writes, and watches for those that do not get
 * on. */
#include <sys/epoll.h>

#include "proto/varlink_connection.h"

static uint64_t stall_usec(const Connection *c)
{
	uint64_t set = c->server->service->stall_usec;

	return set ? set : VARLINK_STALL_USEC;
}

static void unlink_connection(Connection *c)
{
	VarlinkServer *s = c->server;

	*(c->newer ? &c->newer->older : &s->newest) = c->older;
	*(c->older ? &c->older->newer : &s->oldest) = c->newer;
}

static void link_newest(Connection *c)
{
	VarlinkServer *s = c->server;

	c->newer = NULL;
	c->older = s->newest;
	*(c->older ? &c->older->newer : &s->oldest) = c;
	s->newest = c;
}

void connection_free(Connection *c)
{
	VarlinkServer *s = c->server;
	User *u = c->user;

	sd_event_source_disable_unref(c->io);
	sd_event_source_disable_unref(c->slow_in);
	sd_event_source_disable_unref(c->slow_out);
	varlink_stream_done(&c->stream);
	unlink_connection(c);
	s->n_connections--;
	s->bytes -= c->bytes;
	u->bytes -= c->bytes;
	if (c->call)
		call_detach(c->call);
	free(c);
	u->n_connections--;
	user_put(s, u);
}

void connection_drop(Connection *c)
{
	c->dead = true;
	if (!c->processing)
		connection_free(c);
}

void connection_kill(Connection *c)
{
	c->dead = true;
	(void)sd_event_source_set_time_relative(c->slow_out, 0);
	(void)sd_event_source_set_enabled(c->slow_out, SD_EVENT_ONESHOT);
}

bool connection_is_idle(const Connection *c)
{
	return !c->dead && !c->call && !c->processing && !c->turn &&
	       varlink_stream_pending(&c->stream) == 0;
}

/* No other call is begun yet. */
static bool is_held_up(const Connection *c)
{
	return c->call || varlink_stream_pending(&c->stream) >= VARLINK_OUT_FULL;
}

static int start_clock(const Connection *c, sd_event_source *clock)
{
	int r = sd_event_source_set_time_relative(clock, stall_usec(c));

	return r < 0 ? r : sd_event_source_set_enabled(clock, SD_EVENT_ONESHOT);
}

/* busy: the clock runs; anew: from now on. */
static int set_clock(const Connection *c, sd_event_source *clock, bool busy, bool anew)
{
	int enabled, r;

	if (!busy)
		return sd_event_source_set_enabled(clock, SD_EVENT_OFF);
	r = sd_event_source_get_enabled(clock, &enabled);
	if (r < 0 || (enabled != SD_EVENT_OFF && !anew))
		return r;
	return start_clock(c, clock);
}

/*
 * got: a message was read to its end; wrote: something was taken. A turn comes when epoll says that
 * there may be written, which others are asked about as well; a source that is always ready would
 * keep the loop from looking at them.
 */
static int watch(Connection *c, bool got, bool wrote)
{
	bool reading = !is_held_up(c) && !c->turn;
	bool writing = varlink_stream_pending(&c->stream) > 0;
	int r;

	limit_account(c);
	if (c->dead)
		return 0;
	r = sd_event_source_set_io_events(
		c->io, (reading ? EPOLLIN : 0u) | (writing || c->turn ? EPOLLOUT : 0u));
	if (r >= 0)
		r = set_clock(c, c->slow_in, reading && varlink_stream_partial(&c->stream), got);
	if (r >= 0)
		r = set_clock(c, c->slow_out, writing, wrote);
	return r;
}

/* Of a peer that shut down its end the replies under way are still written. */
static int flush(Connection *c)
{
	size_t before = varlink_stream_pending(&c->stream);
	int r;

	r = varlink_stream_flush(&c->stream);
	if (r < 0 && r != -EAGAIN)
		return r;
	return watch(c, false, varlink_stream_pending(&c->stream) < before);
}

int connection_send(Connection *c, json_object *reply, size_t max)
{
	int r = varlink_stream_queue(&c->stream, reply, max);

	return r < 0 ? r : flush(c);
}

/* Returns 0 when nothing is left to do for now. */
static int process_one(Connection *c)
{
	_cleanup_json_ json_object *message = NULL;
	int r;

	if (c->dead || c->server->stopping || is_held_up(c))
		return 0;
	r = varlink_stream_next(&c->stream, &message);
	if (r == 0)
		return 0;
	unlink_connection(c);
	link_newest(c);
	if (r == -EMSGSIZE || r == -E2BIG)
		r = call_refuse(c, r);
	else if (r > 0)
		r = call_begin(c, message);
	return r < 0 ? r : 1;
}

/* Works off what was read until a call stays open. What is no Varlink ends the connection. */
static void process(Connection *c)
{
	int n = 0, r;

	c->processing = true;
	do
		r = process_one(c);
	while (r > 0 && ++n < VARLINK_TURN);
	c->processing = false;
	c->turn = r > 0;
	if (r >= 0 && !c->dead)
		r = watch(c, n > 0, false);
	if (r < 0 || c->dead)
		connection_drop(c);
}

void connection_continue(Connection *c)
{
	if (!c->processing)
		process(c);
}

static int read_more(Connection *c)
{
	int r = varlink_stream_read(&c->stream);

	if (r > 0)
		process(c);
	else if (r != -EAGAIN)
		connection_drop(c);
	return 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	Connection *c = userdata;
	bool gone = revents & (EPOLLHUP | EPOLLERR), held_up = is_held_up(c);

	if (revents & EPOLLOUT && flush(c) < 0)
		connection_drop(c);
	/* What one sent before it left is done, if nothing holds it up. */
	else if ((c->turn && (gone || revents & EPOLLOUT)) || (held_up && !is_held_up(c)))
		process(c);
	else if (revents & EPOLLIN && !is_held_up(c) && !c->turn)
		return read_more(c);
	else if (gone)
		connection_drop(c);
	return 0;
}

static int on_slow(sd_event_source *source, uint64_t usec, void *userdata)
{
	connection_drop(userdata);
	return 0;
}

static int add_clock(Connection *c, sd_event_source **ret)
{
	int r = sd_event_add_time_relative(c->server->event, ret, CLOCK_MONOTONIC, stall_usec(c), 0,
					   on_slow, c);

	return r < 0 ? r : sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

static int add_sources(Connection *c)
{
	sd_event *event = c->server->event;
	int r;

	r = sd_event_add_io(event, &c->io, c->stream.fd, EPOLLIN, on_io, c);
	if (r >= 0)
		r = add_clock(c, &c->slow_in);
	return r < 0 ? r : add_clock(c, &c->slow_out);
}

int connection_new(VarlinkServer *s, int fd, User *user)
{
	Connection *c = calloc(1, sizeof(*c));
	int r;

	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	c->server = s;
	c->user = user;
	varlink_stream_init(&c->stream, fd);
	c->permitted =
		!s->service->authorize || s->service->authorize(fd, s->service->userdata) >= 0;
	link_newest(c);
	s->n_connections++;
	user->n_connections++;
	user->refs++;
	r = add_sources(c);
	if (r < 0)
		connection_free(c);
	return r;
}
