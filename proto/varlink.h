/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Varlink: JSON objects, each ended by a NUL, over a stream socket. Here are the framing, which
 * both ends use, and the client; varlink_server.h has the service.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "proto/util.h"

#define VKERNEL_SOCKET "/run/vkernel/io.vkernel"
#define VKERNEL_INTERFACE "io.vkernel"

/* A profile of PROFILE_SIZE_MAX with every byte escaped as two still fits. */
#define VARLINK_MESSAGE_MAX (9u << 20)
#define VARLINK_MESSAGE_MAX_TEXT "9 MiB"
/* Up to there the end of one over the limit is looked for, so that it can be answered. */
#define VARLINK_DISCARD_MAX (64u << 20)
#define VARLINK_DEPTH_MAX 64
/* Of all kinds, in one message; a profile is one, as it comes as a text. */
#define VARLINK_VALUES_MAX 131072

static inline void json_putp(json_object **o)
{
	json_object_put(*o);
}
#define _cleanup_json_ _cleanup_(json_putp)

/*
 * Adds a value to an object and takes it over, also when that fails. NULL as a value is -ENOMEM:
 * what json_object_new_*() gave when memory was out; json_add_string() leaves the key out for NULL.
 */
#define json_add(o, key, value) json_add_as(o, key, value, JSON_KEY(key))
#define json_add_string(o, key, value) json_add_string_as(o, key, value, JSON_KEY(key))
#define json_add_int(o, key, value) json_add_as(o, key, json_object_new_int64(value), JSON_KEY(key))
#define json_add_bool(o, key, value) \
	json_add_as(o, key, json_object_new_boolean(value), JSON_KEY(key))

/* A literal is not copied. */
#define JSON_KEY(key) (__builtin_constant_p(key) ? JSON_C_OBJECT_ADD_CONSTANT_KEY : 0u)
int json_add_as(json_object *o, const char *key, json_object *value, unsigned int flags);
int json_add_string_as(json_object *o, const char *key, const char *value, unsigned int flags);
/* The same for an array. */
int json_append(json_object *array, json_object *value);
int json_append_string(json_object *array, const char *value);

/* What an object holds under the key; NULL, 0 or false where it is absent or of another type. */
const char *json_get_string(json_object *o, const char *key);
int64_t json_get_int(json_object *o, const char *key);
bool json_get_bool(json_object *o, const char *key);
json_object *json_get_object(json_object *o, const char *key);
json_object *json_get_array(json_object *o, const char *key);

/* The framing. Works on blocking and on non-blocking sockets; neither raises SIGPIPE. */
typedef struct VarlinkStream {
	int fd; /* owned */
	char *in;
	size_t in_start, in_end, in_size; /* in[in_start..in_end] is what was read and not used */
	size_t in_scanned; /* no NUL before it */
	bool discarding; /* inside a message over the limit, until its NUL */
	size_t discarded; /* of it, so far */
	char *out;
	size_t out_start, out_end, out_size;
	json_tokener *tokener; /* from the first message on */
} VarlinkStream;

void varlink_stream_init(VarlinkStream *s, int fd);
void varlink_stream_done(VarlinkStream *s);

/*
 * Reads once. Returns 1 if something came, 0 at the end of the stream, -EAGAIN or another errno:
 * -EMSGSIZE for a message that goes on beyond VARLINK_DISCARD_MAX.
 */
int varlink_stream_read(VarlinkStream *s);

/*
 * The next message that was read whole. Returns 1 and an object; 0 if there is none yet; -EBADMSG
 * for what is no JSON object, -EMSGSIZE for one over the limit, -E2BIG for one of too many values:
 * it is used up then.
 */
int varlink_stream_next(VarlinkStream *s, json_object **ret);

/* Is a message there that has begun and not ended? */
bool varlink_stream_partial(const VarlinkStream *s);

/* Puts a message into the output buffer; -ENOBUFS if more than max bytes would wait there. */
int varlink_stream_queue(VarlinkStream *s, json_object *message, size_t max);

/* Writes what it can. Returns 0 when all is written, -EAGAIN, or another errno. */
int varlink_stream_flush(VarlinkStream *s);

static inline size_t varlink_stream_pending(const VarlinkStream *s)
{
	return s->out_end - s->out_start;
}

/* A message, from the first byte to the last: what varlink_stream_next() applies to each. */
int varlink_parse(const char *text, size_t size, json_object **ret);

typedef enum VarlinkFlags {
	VARLINK_MORE = 1 << 0, /* several replies are wanted */
	VARLINK_ONEWAY = 1 << 1, /* none is */
} VarlinkFlags;

typedef struct VarlinkReply {
	char *error; /* the qualified name ("io.vkernel.InUse"), NULL for a success */
	json_object *parameters; /* of the reply or of the error; never NULL after a success */
	bool continues; /* another reply follows */
} VarlinkReply;

/* Frees what the reply holds and zeroes it. */
void varlink_reply_done(VarlinkReply *r);
#define _cleanup_varlink_reply_ _cleanup_(varlink_reply_done)

/* A client is blocking: one call at a time, its reply awaited. */
typedef struct VarlinkClient VarlinkClient;

/* path: NULL for VKERNEL_SOCKET. -ENOENT or -ECONNREFUSED when the daemon does not listen. */
int varlink_client_connect(const char *path, VarlinkClient **ret);
VarlinkClient *varlink_client_free(VarlinkClient *c);
/* To poll on for replies of a call with VARLINK_MORE. */
int varlink_client_fd(const VarlinkClient *c);

static inline void varlink_client_freep(VarlinkClient **c)
{
	varlink_client_free(*c);
}
#define _cleanup_varlink_client_ _cleanup_(varlink_client_freep)

/* How long to wait for the peer in one send or receive; 0: for ever, which is the default. */
int varlink_client_set_timeout(VarlinkClient *c, unsigned int seconds);

/*
 * method: qualified ("io.vkernel.Bind"). parameters: borrowed, may be NULL. -EMSGSIZE when the
 * message is over VARLINK_MESSAGE_MAX.
 */
int varlink_client_send(VarlinkClient *c, const char *method, json_object *parameters,
			VarlinkFlags flags);

/*
 * Waits for the next reply. 0 for a reply or an error of the service, which is in ret->error then;
 * negative errno when the connection fails: -ECONNRESET if the service closed it, -ETIMEDOUT,
 * -EBADMSG for what is no Varlink.
 */
int varlink_client_receive(VarlinkClient *c, VarlinkReply *ret);

/* Both, for a call with one reply. */
int varlink_client_call(VarlinkClient *c, const char *method, json_object *parameters,
			VarlinkReply *ret);
