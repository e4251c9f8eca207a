/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of the service share: the server, its users, their connections and calls. */
#pragma once

#include <sys/types.h>

#include "proto/varlink_server.h"

typedef struct Connection Connection;

/* One who has connections, by the socket's word. */
typedef struct User {
	struct User *next;
	uid_t uid;
	unsigned int refs; /* its connections', and whoever lets one in */
	unsigned int n_connections;
	unsigned int n_streams; /* calls with `more` under way */
	size_t bytes; /* that its connections hold */
} User;

struct VarlinkServer {
	sd_event *event;
	const VarlinkService *service;
	sd_event_source *listener, *again; /* the second while no connection can be taken */
	int listen_fd;
	Connection *newest, *oldest; /* by when they last called, or came */
	unsigned int n_connections;
	User *users;
	size_t bytes;
	bool stopping; /* no call is begun any more */
};

struct Connection {
	VarlinkServer *server;
	User *user;
	Connection *newer, *older;
	VarlinkStream stream;
	size_t bytes; /* of the stream's buffers, as the user's and the server's sums have it */
	sd_event_source *io;
	sd_event_source *slow_in, *slow_out; /* how long a message may take; a standstill */
	VarlinkCall *call; /* the one under way; the next message waits for its end */
	bool permitted;
	bool turn; /* more was read than one turn may work off: the next is due */
	bool processing; /* inside process(): whoever ends a call then leaves the rest to it */
	bool dead; /* to be freed when process() is left, or by slow_out */
};

struct VarlinkCall {
	Connection *connection; /* NULL when the peer is gone */
	bool more, oneway;
	bool stream; /* counted as its user's */
	VarlinkClosed closed;
	void *closed_userdata;
};

/* varlink_connection.c */
/* Takes the descriptor over, and a reference to the user. */
int connection_new(VarlinkServer *s, int fd, User *user);
void connection_free(Connection *c);
/* Frees it, or has whoever uses it up the stack do that. */
void connection_drop(Connection *c);
/* The same, later: the caller may be walking a list that it is on. */
void connection_kill(Connection *c);
/* Puts a reply into its queue and sends what it can. */
int connection_send(Connection *c, json_object *reply, size_t max);
/* The call under way is over: on with the next. */
void connection_continue(Connection *c);
/* Nothing is under way: it can be closed, and its peer can tell. */
bool connection_is_idle(const Connection *c);

/* varlink_call.c */
/* Begins the call that a message is. -EBADMSG if it is none. */
int call_begin(Connection *c, json_object *message);
/* Answers a message that was beyond a limit: -EMSGSIZE or -E2BIG. */
int call_refuse(Connection *c, int error);
/* Its connection goes away. */
void call_detach(VarlinkCall *call);
/* What is said for a limit. Returns NULL when memory is out. */
json_object *call_limit_error(const VarlinkService *service, const char *message, const char *hint);

/* varlink_limit.c */
/* Who is at the other end; with a reference, for user_put() to give up. */
int user_get(VarlinkServer *s, int fd, User **ret);
void user_put(VarlinkServer *s, User *u);
/* Lets another connection of the user's in, if need be for one that is idle. -EUSERS if it can not.
 */
int limit_connections(VarlinkServer *s, const User *u);
/* Gives up a connection that is idle, of who has the most among those with one. Was there one? */
bool limit_make_room(VarlinkServer *s);
/* Notes what its buffers have become, and kills the largest if that is too much. */
void limit_account(Connection *c);
