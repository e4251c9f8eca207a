/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "proto/utf8.h"
#include "proto/varlink.h"

/* So much is read at first, and stays with a connection; a long message makes it more. */
#define READ_MIN (4u << 10)
#define READ_MAX (64u << 10)
#define OUT_KEPT (16u << 10)

int json_add_as(json_object *o, const char *key, json_object *value, unsigned int flags)
{
	if (!value)
		return -ENOMEM;
	if (json_object_object_add_ex(o, key, value, flags) < 0) {
		json_object_put(value);
		return -ENOMEM;
	}
	return 0;
}

int json_add_string_as(json_object *o, const char *key, const char *value, unsigned int flags)
{
	return value ? json_add_as(o, key, json_object_new_string(value), flags) : 0;
}

int json_append(json_object *array, json_object *value)
{
	if (!value)
		return -ENOMEM;
	if (json_object_array_add(array, value) < 0) {
		json_object_put(value);
		return -ENOMEM;
	}
	return 0;
}

int json_append_string(json_object *array, const char *value)
{
	return json_append(array, json_object_new_string(value));
}

static json_object *get_typed(json_object *o, const char *key, json_type type)
{
	json_object *v;

	if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &v))
		return NULL;
	return json_object_is_type(v, type) ? v : NULL;
}

const char *json_get_string(json_object *o, const char *key)
{
	json_object *v = get_typed(o, key, json_type_string);

	return v ? json_object_get_string(v) : NULL;
}

int64_t json_get_int(json_object *o, const char *key)
{
	json_object *v = get_typed(o, key, json_type_int);

	return v ? json_object_get_int64(v) : 0;
}

bool json_get_bool(json_object *o, const char *key)
{
	json_object *v = get_typed(o, key, json_type_boolean);

	return v && json_object_get_boolean(v);
}

json_object *json_get_object(json_object *o, const char *key)
{
	return get_typed(o, key, json_type_object);
}

json_object *json_get_array(json_object *o, const char *key)
{
	return get_typed(o, key, json_type_array);
}

void varlink_stream_init(VarlinkStream *s, int fd)
{
	*s = (VarlinkStream){ .fd = fd };
}

void varlink_stream_done(VarlinkStream *s)
{
	closep(&s->fd);
	free(s->in);
	free(s->out);
	if (s->tokener)
		json_tokener_free(s->tokener);
	varlink_stream_init(s, -EBADF);
}

/* Makes room for more bytes at the end of a buffer, by moving its content before growing it. */
static int reserve(char **buffer, size_t *start, size_t *end, size_t *size, size_t more)
{
	size_t used = *end - *start, want = used + more, grown;
	char *p;

	if (*size - *end >= more)
		return 0;
	if (*start > 0) {
		memmove(*buffer, *buffer + *start, used);
		*start = 0;
		*end = used;
	}
	if (*size >= want)
		return 0;
	grown = *size * 2 > want ? *size * 2 : want;
	p = realloc(*buffer, grown);
	if (!p)
		return -ENOMEM;
	*buffer = p;
	*size = grown;
	return 0;
}

/* One big message must not keep its memory for the life of a connection. */
static void empty(char **buffer, size_t *start, size_t *end, size_t *size, size_t kept)
{
	*start = *end = 0;
	if (*size <= kept)
		return;
	free(*buffer);
	*buffer = NULL;
	*size = 0;
}

/* Of a message over the limit nothing is kept but the NUL that ends it. */
static int discard(VarlinkStream *s)
{
	char *nul = memchr(s->in + s->in_start, 0, s->in_end - s->in_start);

	s->discarded += (nul ? (size_t)(nul - s->in) : s->in_end) - s->in_start;
	if (nul)
		s->in_start = (size_t)(nul - s->in);
	else
		empty(&s->in, &s->in_start, &s->in_end, &s->in_size, READ_MAX);
	s->in_scanned = s->in_start;
	return s->discarded > VARLINK_DISCARD_MAX ? -EMSGSIZE : 0;
}

static bool find_end(VarlinkStream *s, size_t *ret)
{
	char *nul;

	if (s->in_scanned < s->in_start)
		s->in_scanned = s->in_start;
	nul = s->in ? memchr(s->in + s->in_scanned, 0, s->in_end - s->in_scanned) : NULL;
	if (nul) {
		*ret = (size_t)(nul - s->in);
		s->in_scanned = *ret;
		return true;
	}
	s->in_scanned = s->in_end;
	return false;
}

int varlink_stream_read(VarlinkStream *s)
{
	size_t start = s->in_start, used = s->in_end - s->in_start, end;
	size_t size = s->discarding || used > READ_MAX ? READ_MAX
		      : used < READ_MIN		       ? READ_MIN
						       : used;
	ssize_t n;
	int r;

	r = reserve(&s->in, &s->in_start, &s->in_end, &s->in_size, size);
	if (r < 0)
		return r;
	s->in_scanned -= start - s->in_start;

	do
		n = recv(s->fd, s->in + s->in_end, size, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		return 0;
	s->in_end += (size_t)n;

	if (!s->discarding && !find_end(s, &end) && s->in_end - s->in_start > VARLINK_MESSAGE_MAX)
		s->discarding = true;
	if (s->discarding) {
		r = discard(s);
		if (r < 0)
			return r;
	}
	return 1;
}

/*
 * No fewer than there are: a list of millions of empty ones would take a hundred times its text in
 * memory. What stands in strings is text.
 */
static size_t count_values(const char *text, size_t size)
{
	bool quoted = false;
	size_t n = 1;

	for (size_t i = 0; i < size; i++)
		if (text[i] == '"')
			quoted = !quoted;
		else if (quoted)
			i += text[i] == '\\';
		else
			n += text[i] == ',' || text[i] == '[' || text[i] == '{';
	return n;
}

static json_tokener *tokener_new(void)
{
	json_tokener *tokener = json_tokener_new_ex(VARLINK_DEPTH_MAX);

	if (tokener)
		json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	return tokener;
}

static int parse_ascii(json_tokener *tokener, const char *text, size_t size, json_object **ret)
{
	json_object *o;

	json_tokener_reset(tokener);
	o = json_tokener_parse_ex(tokener, text, (int)size);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    json_tokener_get_parse_end(tokener) != size ||
	    !json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		return -EBADMSG;
	}
	*ret = o;
	return 0;
}

static int parse(json_tokener *tokener, const char *text, size_t size, json_object **ret)
{
	_cleanup_free_ char *ascii = NULL;
	int r;

	if (size > VARLINK_MESSAGE_MAX)
		return -EMSGSIZE;
	if (count_values(text, size) > VARLINK_VALUES_MAX)
		return -E2BIG;
	r = json_to_ascii(text, size, &ascii, &size);
	if (r == -EILSEQ)
		return -EBADMSG;
	return r < 0 ? r : parse_ascii(tokener, ascii ? ascii : text, size, ret);
}

int varlink_parse(const char *text, size_t size, json_object **ret)
{
	json_tokener *tokener = tokener_new();
	int r;

	if (!tokener)
		return -ENOMEM;
	r = parse(tokener, text, size, ret);
	json_tokener_free(tokener);
	return r;
}

int varlink_stream_next(VarlinkStream *s, json_object **ret)
{
	size_t end, start = s->in_start;
	bool discarded = s->discarding;
	int r;

	if (!find_end(s, &end))
		return 0;
	s->in_start = s->in_scanned = end + 1;
	s->discarding = false;
	s->discarded = 0;
	if (discarded)
		return -EMSGSIZE;
	if (!s->tokener)
		s->tokener = tokener_new();
	r = s->tokener ? parse(s->tokener, s->in + start, end - start, ret) : -ENOMEM;
	if (s->in_start == s->in_end)
		empty(&s->in, &s->in_start, &s->in_end, &s->in_size, READ_MIN);
	s->in_scanned = s->in_start;
	return r < 0 ? r : 1;
}

bool varlink_stream_partial(const VarlinkStream *s)
{
	return s->discarding || s->in_end > s->in_start;
}

int varlink_stream_queue(VarlinkStream *s, json_object *message, size_t max)
{
	const char *text;
	size_t size;
	int r;

	text = json_object_to_json_string_length(
		message, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);
	if (!text)
		return -ENOMEM;
	if (size > max || varlink_stream_pending(s) > max - size)
		return -ENOBUFS;
	r = reserve(&s->out, &s->out_start, &s->out_end, &s->out_size, size + 1);
	if (r < 0)
		return r;
	memcpy(s->out + s->out_end, text, size);
	s->out[s->out_end + size] = 0;
	s->out_end += size + 1;
	return 0;
}

int varlink_stream_flush(VarlinkStream *s)
{
	while (s->out_start < s->out_end) {
		ssize_t n =
			send(s->fd, s->out + s->out_start, s->out_end - s->out_start, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		s->out_start += (size_t)n;
	}
	empty(&s->out, &s->out_start, &s->out_end, &s->out_size, OUT_KEPT);
	return 0;
}

void varlink_reply_done(VarlinkReply *r)
{
	free(r->error);
	json_object_put(r->parameters);
	*r = (VarlinkReply){};
}

struct VarlinkClient {
	VarlinkStream stream;
};

static int connect_unix(const char *path)
{
	_cleanup_close_ int fd = -EBADF;
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int varlink_client_connect(const char *path, VarlinkClient **ret)
{
	VarlinkClient *c;
	int fd;

	fd = connect_unix(path ? path : VKERNEL_SOCKET);
	if (fd < 0)
		return fd;
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	varlink_stream_init(&c->stream, fd);
	*ret = c;
	return 0;
}

VarlinkClient *varlink_client_free(VarlinkClient *c)
{
	if (!c)
		return NULL;
	varlink_stream_done(&c->stream);
	free(c);
	return NULL;
}

int varlink_client_fd(const VarlinkClient *c)
{
	return c->stream.fd;
}

int varlink_client_set_timeout(VarlinkClient *c, unsigned int seconds)
{
	struct timeval tv = { .tv_sec = seconds };

	if (setsockopt(c->stream.fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0 ||
	    setsockopt(c->stream.fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0)
		return -errno;
	return 0;
}

/* A time-out of the socket shows as EAGAIN. */
static int blocking_errno(int r)
{
	return r == -EAGAIN ? -ETIMEDOUT : r;
}

static int make_call(const char *method, json_object *parameters, VarlinkFlags flags,
		     json_object **ret)
{
	_cleanup_json_ json_object *call = json_object_new_object();
	int r;

	if (!call)
		return -ENOMEM;
	r = json_add_string(call, "method", method);
	if (r >= 0 && parameters)
		r = json_add(call, "parameters", json_object_get(parameters));
	if (r >= 0 && (flags & VARLINK_MORE))
		r = json_add_bool(call, "more", true);
	if (r >= 0 && (flags & VARLINK_ONEWAY))
		r = json_add_bool(call, "oneway", true);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(call);
	return 0;
}

int varlink_client_send(VarlinkClient *c, const char *method, json_object *parameters,
			VarlinkFlags flags)
{
	_cleanup_json_ json_object *call = NULL;
	int r;

	r = make_call(method, parameters, flags, &call);
	if (r < 0)
		return r;
	r = varlink_stream_queue(&c->stream, call, VARLINK_MESSAGE_MAX);
	if (r < 0)
		return r == -ENOBUFS ? -EMSGSIZE : r;
	return blocking_errno(varlink_stream_flush(&c->stream));
}

static int parse_reply(json_object *message, VarlinkReply *ret)
{
	_cleanup_varlink_reply_ VarlinkReply reply = {};
	const char *error = json_get_string(message, "error");
	json_object *parameters = json_get_object(message, "parameters");

	if (error) {
		reply.error = strdup(error);
		if (!reply.error)
			return -ENOMEM;
	}
	reply.parameters = parameters ? json_object_get(parameters) : json_object_new_object();
	if (!reply.parameters)
		return -ENOMEM;
	reply.continues = json_get_bool(message, "continues");
	*ret = reply;
	reply = (VarlinkReply){};
	return 0;
}

int varlink_client_receive(VarlinkClient *c, VarlinkReply *ret)
{
	_cleanup_json_ json_object *message = NULL;
	int r;

	for (;;) {
		r = varlink_stream_next(&c->stream, &message);
		if (r < 0)
			return r;
		if (r > 0)
			return parse_reply(message, ret);
		r = varlink_stream_read(&c->stream);
		if (r == 0)
			return -ECONNRESET;
		if (r < 0)
			return blocking_errno(r);
	}
}

int varlink_client_call(VarlinkClient *c, const char *method, json_object *parameters,
			VarlinkReply *ret)
{
	int r;

	r = varlink_client_send(c, method, parameters, 0);
	/* A service that takes no more connections has said so, and hung up. */
	if (r < 0 && r != -EPIPE)
		return r;
	return varlink_client_receive(c, ret);
}
