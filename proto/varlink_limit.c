/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What users may have of the service, so that none of them keeps it from the others. */
#include <sys/socket.h>

#include "proto/varlink_connection.h"

int user_get(VarlinkServer *s, int fd, User **ret)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	User *u;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	for (u = s->users; u; u = u->next)
		if (u->uid == peer.uid) {
			u->refs++;
			*ret = u;
			return 0;
		}
	u = calloc(1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	u->uid = peer.uid;
	u->refs = 1;
	u->next = s->users;
	s->users = u;
	*ret = u;
	return 0;
}

void user_put(VarlinkServer *s, User *u)
{
	User **at = &s->users;

	if (--u->refs > 0)
		return;
	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
	free(u);
}

static Connection *idle_longest(const VarlinkServer *s, const User *u)
{
	for (Connection *c = s->oldest; c; c = c->newer)
		if (c->user == u && connection_is_idle(c))
			return c;
	return NULL;
}

/* Freeing it may free its user. */
static bool give_up_one(const VarlinkServer *s, const User *u)
{
	Connection *c = idle_longest(s, u);

	if (c)
		connection_free(c);
	return c;
}

bool limit_make_room(VarlinkServer *s)
{
	const User *most = NULL;

	for (const User *u = s->users; u; u = u->next)
		if ((!most || u->n_connections > most->n_connections) && idle_longest(s, u))
			most = u;
	return most && give_up_one(s, most);
}

static unsigned int connections_for(const User *u)
{
	return u->uid == 0 || u->uid == geteuid()
		       ? VARLINK_CONNECTIONS_MAX
		       : VARLINK_CONNECTIONS_MAX - VARLINK_CONNECTIONS_KEPT;
}

int limit_connections(VarlinkServer *s, const User *u)
{
	if (u->n_connections >= VARLINK_USER_CONNECTIONS_MAX)
		return give_up_one(s, u) ? 0 : -EUSERS;
	if (s->n_connections >= connections_for(u))
		return limit_make_room(s) ? 0 : -EUSERS;
	return 0;
}

/* u: NULL for anybody's. */
static void kill_largest(const VarlinkServer *s, const User *u)
{
	Connection *found = NULL;

	for (Connection *c = s->newest; c; c = c->older)
		if ((!u || c->user == u) && !c->dead && (!found || c->bytes > found->bytes))
			found = c;
	if (found)
		connection_kill(found);
}

void limit_account(Connection *c)
{
	VarlinkServer *s = c->server;
	User *u = c->user;
	size_t bytes = c->stream.in_size + c->stream.out_size;

	if (bytes == c->bytes)
		return;
	s->bytes += bytes - c->bytes;
	u->bytes += bytes - c->bytes;
	c->bytes = bytes;
	if (u->bytes > VARLINK_USER_BYTES_MAX)
		kill_largest(s, u);
	else if (s->bytes > VARLINK_BYTES_MAX)
		kill_largest(s, NULL);
}
