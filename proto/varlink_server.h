/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A Varlink service in an sd-event loop. */
#pragma once

#include <systemd/sd-event.h>

#include "proto/varlink.h"

/*
 * Limits. A connection has one call under way and begins no other while VARLINK_OUT_FULL waits to
 * be read; VARLINK_OUT_MAX is the longest reply, VARLINK_NOTIFY_MAX what waits of a stream. Who
 * takes longer than VARLINK_STALL_USEC for a message, or reads nothing for as long, is dropped.
 * Where there are too many connections, of a user or in whole, the one that is idle longest gives
 * way; some are kept for root and the service's own user. vkerneld(8) has these, too.
 */
#define VARLINK_OUT_FULL (64u << 10)
#define VARLINK_OUT_MAX (24u << 20)
#define VARLINK_NOTIFY_MAX (1u << 20)
#define VARLINK_STALL_USEC (30u * 1000000u)
#define VARLINK_CONNECTIONS_MAX 512
#define VARLINK_CONNECTIONS_KEPT 64
#define VARLINK_USER_CONNECTIONS_MAX 128
#define VARLINK_USER_STREAMS_MAX 64
/* Of buffers, of a user's connections and of all. */
#define VARLINK_USER_BYTES_MAX (64u << 20)
#define VARLINK_BYTES_MAX (256u << 20)
/* How many calls of one connection are worked off before others have their turn. */
#define VARLINK_TURN 16
/* How long no connection is taken when there are no descriptors for it. */
#define VARLINK_PAUSE_USEC 250000u

/* An error that each interface has, with a message and a hint. */
#define VARLINK_LIMIT_EXCEEDED "LimitExceeded"

#define VARLINK_ERROR_INVALID_PARAMETER "org.varlink.service.InvalidParameter"

typedef struct VarlinkServer VarlinkServer;

/* A call that waits for its reply. */
typedef struct VarlinkCall VarlinkCall;

typedef enum VarlinkType {
	VARLINK_STRING, /* const char * */
	VARLINK_INT, /* int64_t */
	VARLINK_BOOL, /* bool */
	VARLINK_OBJECT, /* json_object * */
	VARLINK_STRINGS, /* json_object *, an array of strings */
} VarlinkType;

/* A parameter: what it must be and where it goes in the handler's structure. */
typedef struct VarlinkField {
	const char *name; /* NULL ends a list */
	VarlinkType type;
	bool nullable; /* may be absent or null: the structure is left as it is */
	size_t offset;
	const char *const *values; /* of an enum, NULL-terminated */
} VarlinkField;

/*
 * Fills the structure; what it points at lives as long as parameters. -EINVAL and the name of the
 * parameter that is missing, unknown or not what it must be.
 */
int varlink_dispatch(json_object *parameters, const VarlinkField *fields, void *structure,
		     const char **ret_bad);

/*
 * Takes the call over if it returns 0: then varlink_reply() or one of the errors must end it, now
 * or later. On a negative errno it must have left the call alone; the server answers.
 */
typedef int (*VarlinkHandler)(VarlinkCall *call, json_object *parameters, void *userdata);

typedef struct VarlinkMethod {
	const char *name; /* without the interface */
	VarlinkHandler handler;
	bool more; /* makes sense only with `more` */
} VarlinkMethod;

typedef struct VarlinkService {
	const char *interface;
	const char *description; /* the interface's text */
	const VarlinkMethod *methods; /* ended by a NULL name */
	const char *vendor, *product, *version, *url;
	/* May the peer call? 0, or -EACCES: it gets the interface's PermissionDenied then. */
	int (*authorize)(int fd, void *userdata);
	void *userdata;
	uint64_t stall_usec; /* 0: VARLINK_STALL_USEC */
} VarlinkService;

/* service must outlive the server. */
int varlink_server_new(sd_event *event, const VarlinkService *service, VarlinkServer **ret);
/* Takes the listening socket over. */
int varlink_server_listen(VarlinkServer *s, int fd);
/* No call is begun any more; those under way can still be ended. */
void varlink_server_stop(VarlinkServer *s);
/* Drops all connections; calls that are still owned elsewhere stay valid until they are ended. */
VarlinkServer *varlink_server_free(VarlinkServer *s);

/* Binds and listens; replaces a stale socket of that path. Returns the descriptor. */
int varlink_listen_unix(const char *path, mode_t mode);

static inline void varlink_server_freep(VarlinkServer **s)
{
	varlink_server_free(*s);
}

/* The next three end the call. parameters are taken over, and may be NULL. */
void varlink_reply(VarlinkCall *call, json_object *parameters);
void varlink_error(VarlinkCall *call, const char *error, json_object *parameters);
void varlink_error_invalid_parameter(VarlinkCall *call, const char *name);

/* A reply after which more follow; -ENOTCONN when the peer is gone or was too slow. */
int varlink_notify(VarlinkCall *call, json_object *parameters);

/* Who called; -ENOTCONN when the peer is gone. */
int varlink_call_peer(const VarlinkCall *call, uid_t *ret);

bool varlink_call_wants_more(const VarlinkCall *call);

/* Tells when the peer went away before the call was ended; the callback has to free the call. */
typedef void (*VarlinkClosed)(VarlinkCall *call, void *userdata);
void varlink_call_on_close(VarlinkCall *call, VarlinkClosed closed, void *userdata);

/* Ends a call whose peer is gone; ending it with a reply does as well. */
void varlink_call_free(VarlinkCall *call);
