/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "proto/varlink_description.h"
#include "proto/varlink_server.h"

typedef struct Connection Connection;

struct VarlinkServer {
	sd_event *event;
	const VarlinkService *service;
	sd_event_source *listener;
	int listen_fd;
	Connection *connections;
	unsigned int n_connections;
};

struct Connection {
	VarlinkServer *server;
	Connection *next, *prev;
	VarlinkStream stream;
	sd_event_source *io, *stall;
	VarlinkCall *call; /* the one under way; the next message waits for its end */
	bool permitted;
	bool processing; /* inside process(): whoever ends a call then leaves the rest to it */
	bool dead; /* to be freed when process() is left */
};

struct VarlinkCall {
	Connection *connection; /* NULL when the peer is gone */
	bool more, oneway;
	VarlinkClosed closed;
	void *closed_userdata;
};

static void process(Connection *c);

static void connection_free(Connection *c)
{
	VarlinkServer *s = c->server;
	VarlinkCall *call = c->call;

	sd_event_source_disable_unref(c->io);
	sd_event_source_disable_unref(c->stall);
	varlink_stream_done(&c->stream);
	if (c->prev)
		c->prev->next = c->next;
	else
		s->connections = c->next;
	if (c->next)
		c->next->prev = c->prev;
	s->n_connections--;
	free(c);
	if (call) {
		call->connection = NULL;
		if (call->closed)
			call->closed(call, call->closed_userdata);
	}
}

/* What a caller up the stack still uses is freed there. */
static void connection_drop(Connection *c)
{
	c->dead = true;
	if (!c->processing)
		connection_free(c);
}

/* The peer gets some time for each step: whatever is half read or half written starts the clock. */
static int watch_stall(Connection *c, bool progress)
{
	bool busy = varlink_stream_pending(&c->stream) > 0 ||
		    (!c->call && varlink_stream_partial(&c->stream));
	int enabled, r;

	if (!busy)
		return sd_event_source_set_enabled(c->stall, SD_EVENT_OFF);
	r = sd_event_source_get_enabled(c->stall, &enabled);
	if (r < 0 || (enabled != SD_EVENT_OFF && !progress))
		return r;
	r = sd_event_source_set_time_relative(c->stall, VARLINK_STALL_USEC);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(c->stall, SD_EVENT_ONESHOT);
}

static int watch(Connection *c, bool progress)
{
	uint32_t events = 0;
	int r;

	if (!c->call)
		events |= EPOLLIN;
	if (varlink_stream_pending(&c->stream) > 0)
		events |= EPOLLOUT;
	r = sd_event_source_set_io_events(c->io, events);
	if (r < 0)
		return r;
	return watch_stall(c, progress);
}

/* Of a peer that shut down its end the replies under way are still written. */
static int flush(Connection *c)
{
	size_t before = varlink_stream_pending(&c->stream);
	int r;

	r = varlink_stream_flush(&c->stream);
	if (r < 0 && r != -EAGAIN)
		return r;
	return watch(c, varlink_stream_pending(&c->stream) < before);
}

static int make_reply(const char *error, json_object *parameters, bool continues, json_object **ret)
{
	_cleanup_json_ json_object *p = parameters ? parameters : json_object_new_object();
	_cleanup_json_ json_object *reply = json_object_new_object();
	int r;

	if (!reply || !p)
		return -ENOMEM;
	r = json_add_string(reply, "error", error);
	if (r >= 0)
		r = json_add(reply, "parameters", TAKE_PTR(p));
	if (r >= 0 && continues)
		r = json_add_bool(reply, "continues", true);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(reply);
	return 0;
}

static int queue(Connection *c, const char *error, json_object *parameters, bool continues)
{
	_cleanup_json_ json_object *reply = NULL;
	int r;

	r = make_reply(error, parameters, continues, &reply);
	if (r < 0)
		return r;
	return varlink_stream_queue(&c->stream, reply,
				    continues ? VARLINK_NOTIFY_MAX : VARLINK_OUT_MAX);
}

static void end(VarlinkCall *call, const char *error, json_object *parameters)
{
	Connection *c = call->connection;
	bool silent = call->oneway;
	int r = 0;

	free(call);
	if (!c) {
		json_object_put(parameters);
		return;
	}
	c->call = NULL;
	if (silent)
		json_object_put(parameters);
	else
		r = queue(c, error, parameters, false);
	if (r >= 0)
		r = flush(c);
	if (r < 0)
		connection_drop(c);
	else if (!c->processing)
		process(c);
}

void varlink_reply(VarlinkCall *call, json_object *parameters)
{
	end(call, NULL, parameters);
}

void varlink_error(VarlinkCall *call, const char *error, json_object *parameters)
{
	end(call, error, parameters);
}

static void error_with(VarlinkCall *call, const char *error, const char *key, const char *value)
{
	json_object *p = json_object_new_object();

	if (p && json_add_string(p, key, value) < 0) {
		json_object_put(p);
		p = NULL;
	}
	end(call, error, p);
}

void varlink_error_invalid_parameter(VarlinkCall *call, const char *name)
{
	error_with(call, VARLINK_ERROR_INVALID_PARAMETER, "parameter", name);
}

int varlink_notify(VarlinkCall *call, json_object *parameters)
{
	Connection *c = call->connection;
	int r;

	if (!c || c->dead) {
		json_object_put(parameters);
		return -ENOTCONN;
	}
	r = queue(c, NULL, parameters, true);
	if (r >= 0)
		r = flush(c);
	/* Not freed under the caller's feet: it may be walking its list of calls. */
	if (r < 0) {
		c->dead = true;
		(void)sd_event_source_set_time_relative(c->stall, 0);
		(void)sd_event_source_set_enabled(c->stall, SD_EVENT_ONESHOT);
		return -ENOTCONN;
	}
	return 0;
}

int varlink_call_peer(const VarlinkCall *call, uid_t *ret)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (!call->connection)
		return -ENOTCONN;
	if (getsockopt(call->connection->stream.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	*ret = peer.uid;
	return 0;
}

bool varlink_call_wants_more(const VarlinkCall *call)
{
	return call->more;
}

void varlink_call_on_close(VarlinkCall *call, VarlinkClosed closed, void *userdata)
{
	call->closed = closed;
	call->closed_userdata = userdata;
}

void varlink_call_free(VarlinkCall *call)
{
	if (call->connection)
		call->connection->call = NULL;
	free(call);
}

static bool is_strings(json_object *v)
{
	if (!json_object_is_type(v, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(v); i++) {
		json_object *e = json_object_array_get_idx(v, i);

		if (!json_object_is_type(e, json_type_string) ||
		    strlen(json_object_get_string(e)) != (size_t)json_object_get_string_len(e))
			return false;
	}
	return true;
}

static bool is_value(const char *s, const char *const *values)
{
	for (; values && *values; values++)
		if (strcmp(s, *values) == 0)
			return true;
	return !values;
}

/* A NUL inside a string would make two readers see two strings: there is none in what we accept. */
static bool dispatch_string(json_object *v, const VarlinkField *f, const char **ret)
{
	const char *s = json_object_get_string(v);

	if (!json_object_is_type(v, json_type_string) ||
	    strlen(s) != (size_t)json_object_get_string_len(v) || !is_value(s, f->values))
		return false;
	*ret = s;
	return true;
}

static bool dispatch_field(json_object *v, const VarlinkField *f, void *place)
{
	switch (f->type) {
	case VARLINK_STRING:
		return dispatch_string(v, f, place);
	case VARLINK_INT:
		if (!json_object_is_type(v, json_type_int))
			return false;
		*(int64_t *)place = json_object_get_int64(v);
		return true;
	case VARLINK_BOOL:
		if (!json_object_is_type(v, json_type_boolean))
			return false;
		*(bool *)place = json_object_get_boolean(v);
		return true;
	case VARLINK_OBJECT:
		if (!json_object_is_type(v, json_type_object))
			return false;
		*(json_object **)place = v;
		return true;
	case VARLINK_STRINGS:
		if (!is_strings(v))
			return false;
		*(json_object **)place = v;
		return true;
	}
	return false;
}

static const VarlinkField *find_field(const VarlinkField *fields, const char *name)
{
	for (; fields->name; fields++)
		if (strcmp(fields->name, name) == 0)
			return fields;
	return NULL;
}

int varlink_dispatch(json_object *parameters, const VarlinkField *fields, void *structure,
		     const char **ret_bad)
{
	json_object_object_foreach(parameters, key, value)
	{
		const VarlinkField *f = find_field(fields, key);

		if (!f || (!value && !f->nullable) ||
		    (value && !dispatch_field(value, f, (char *)structure + f->offset))) {
			*ret_bad = key;
			return -EINVAL;
		}
	}
	for (const VarlinkField *f = fields; f->name; f++)
		if (!f->nullable && !json_object_object_get_ex(parameters, f->name, NULL)) {
			*ret_bad = f->name;
			return -EINVAL;
		}
	return 0;
}

static int add_interfaces(json_object *o, const char *interface)
{
	json_object *list = json_object_new_array();
	int r;

	r = json_add(o, "interfaces", list);
	if (r >= 0)
		r = json_append_string(list, "org.varlink.service");
	if (r >= 0)
		r = json_append_string(list, interface);
	return r;
}

static int get_info(VarlinkCall *call, json_object *parameters, const VarlinkService *service)
{
	_cleanup_json_ json_object *o = json_object_new_object();
	int r;

	if (!o)
		return -ENOMEM;
	r = json_add_string(o, "vendor", service->vendor);
	if (r >= 0)
		r = json_add_string(o, "product", service->product);
	if (r >= 0)
		r = json_add_string(o, "version", service->version);
	if (r >= 0)
		r = json_add_string(o, "url", service->url);
	if (r >= 0)
		r = add_interfaces(o, service->interface);
	if (r < 0)
		return r;
	varlink_reply(call, TAKE_PTR(o));
	return 0;
}

static int get_description(VarlinkCall *call, json_object *parameters,
			   const VarlinkService *service)
{
	static const VarlinkField fields[] = { { .name = "interface", .type = VARLINK_STRING },
					       {} };
	_cleanup_json_ json_object *o = json_object_new_object();
	const char *name, *bad, *text;
	int r;

	if (!o)
		return -ENOMEM;
	if (varlink_dispatch(parameters, fields, &name, &bad) < 0) {
		varlink_error_invalid_parameter(call, bad);
		return 0;
	}
	if (strcmp(name, service->interface) == 0) {
		text = service->description;
	} else if (strcmp(name, "org.varlink.service") == 0) {
		text = varlink_service_description;
	} else {
		error_with(call, "org.varlink.service.InterfaceNotFound", "interface", name);
		return 0;
	}
	r = json_add_string(o, "description", text);
	if (r < 0)
		return r;
	varlink_reply(call, TAKE_PTR(o));
	return 0;
}

/* The part after the last dot; its length goes to ret_interface. */
static const char *split(const char *name, size_t *ret_interface)
{
	const char *dot = strrchr(name, '.');

	if (!dot)
		return NULL;
	*ret_interface = (size_t)(dot - name);
	return dot + 1;
}

static bool is_interface(const char *name, size_t n, const char *interface)
{
	return strlen(interface) == n && memcmp(name, interface, n) == 0;
}

static int call_service(VarlinkCall *call, const char *method, json_object *parameters)
{
	const VarlinkService *service = call->connection->server->service;

	if (strcmp(method, "GetInfo") == 0)
		return get_info(call, parameters, service);
	if (strcmp(method, "GetInterfaceDescription") == 0)
		return get_description(call, parameters, service);
	error_with(call, "org.varlink.service.MethodNotFound", "method", method);
	return 0;
}

static int deny(VarlinkCall *call, const char *interface)
{
	_cleanup_free_ char *error = NULL;

	if (asprintf(&error, "%s.PermissionDenied", interface) < 0)
		return -ENOMEM;
	varlink_error(call, error, NULL);
	return 0;
}

static int call_method(VarlinkCall *call, const char *method, json_object *parameters)
{
	const VarlinkService *service = call->connection->server->service;

	if (!call->connection->permitted)
		return deny(call, service->interface);
	for (const VarlinkMethod *m = service->methods; m->name; m++) {
		if (strcmp(m->name, method) != 0)
			continue;
		if (m->more && !call->more) {
			varlink_error(call, "org.varlink.service.ExpectedMore", NULL);
			return 0;
		}
		return m->handler(call, parameters, service->userdata);
	}
	error_with(call, "org.varlink.service.MethodNotFound", "method", method);
	return 0;
}

static int route(VarlinkCall *call, const char *name, json_object *parameters)
{
	const VarlinkService *service = call->connection->server->service;
	const char *method;
	size_t n;

	method = split(name, &n);
	if (method && is_interface(name, n, "org.varlink.service"))
		return call_service(call, method, parameters);
	if (method && is_interface(name, n, service->interface))
		return call_method(call, method, parameters);
	error_with(call, "org.varlink.service.InterfaceNotFound", "interface", name);
	return 0;
}

static void fail(VarlinkCall *call, const char *message, const char *hint)
{
	const char *interface =
		call->connection ? call->connection->server->service->interface : "io.vkernel";
	_cleanup_free_ char *error = NULL;
	json_object *p = json_object_new_object();

	if (p &&
	    (json_add_string(p, "message", message) < 0 || json_add_string(p, "hint", hint) < 0)) {
		json_object_put(p);
		p = NULL;
	}
	if (asprintf(&error, "%s.Failed", interface) < 0)
		error = NULL;
	varlink_error(call, error ? error : "io.vkernel.Failed", p);
}

static VarlinkCall *call_new(Connection *c)
{
	VarlinkCall *call = calloc(1, sizeof(*call));

	if (call) {
		call->connection = c;
		c->call = call;
	}
	return call;
}

static int refuse_oversize(Connection *c)
{
	VarlinkCall *call = call_new(c);

	if (!call)
		return -ENOMEM;
	fail(call, "the message is longer than the " VARLINK_MESSAGE_MAX_TEXT " that one may be",
	     "a profile may have 4 MiB");
	return 0;
}

static int begin(Connection *c, json_object *message)
{
	_cleanup_json_ json_object *none = NULL;
	json_object *parameters, *member;
	const char *name = json_get_string(message, "method");
	VarlinkCall *call;
	int r;

	if (!name)
		return -EBADMSG;
	parameters = json_get_object(message, "parameters");
	if (!parameters && json_object_object_get_ex(message, "parameters", &member) && member)
		return -EBADMSG;
	if (!parameters)
		parameters = none = json_object_new_object();
	if (!parameters)
		return -ENOMEM;
	call = call_new(c);
	if (!call)
		return -ENOMEM;
	call->more = json_get_bool(message, "more");
	call->oneway = json_get_bool(message, "oneway");
	r = route(call, name, parameters);
	if (r < 0)
		fail(call, strerror(-r), NULL);
	return 0;
}

/* Returns 0 when nothing is left to do for now. */
static int process_one(Connection *c)
{
	_cleanup_json_ json_object *message = NULL;
	int r;

	if (c->dead || c->call)
		return 0;
	r = varlink_stream_next(&c->stream, &message);
	if (r == 0)
		return 0;
	if (r == -EMSGSIZE)
		r = refuse_oversize(c);
	else if (r > 0)
		r = begin(c, message);
	return r < 0 ? r : 1;
}

/* Works off what was read until a call stays open. What is no Varlink ends the connection. */
static void process(Connection *c)
{
	int r;

	c->processing = true;
	do
		r = process_one(c);
	while (r > 0);
	c->processing = false;
	if (r >= 0 && !c->dead)
		r = watch(c, true);
	if (r < 0 || c->dead)
		connection_drop(c);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	Connection *c = userdata;
	int r;

	if (revents & EPOLLOUT) {
		r = flush(c);
		if (r < 0) {
			connection_drop(c);
			return 0;
		}
	}
	if ((revents & EPOLLIN) && !c->call) {
		r = varlink_stream_read(&c->stream);
		if (r > 0) {
			process(c);
			return 0;
		}
		if (r != -EAGAIN) {
			connection_drop(c);
			return 0;
		}
	} else if (revents & (EPOLLHUP | EPOLLERR)) {
		connection_drop(c);
	}
	return 0;
}

static int on_stall(sd_event_source *source, uint64_t usec, void *userdata)
{
	connection_drop(userdata);
	return 0;
}

static int connection_watch(Connection *c)
{
	sd_event *event = c->server->event;
	int r;

	r = sd_event_add_io(event, &c->io, c->stream.fd, EPOLLIN, on_io, c);
	if (r < 0)
		return r;
	r = sd_event_add_time_relative(event, &c->stall, CLOCK_MONOTONIC, VARLINK_STALL_USEC, 0,
				       on_stall, c);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(c->stall, SD_EVENT_OFF);
}

static int connection_new(VarlinkServer *s, int fd)
{
	Connection *c = calloc(1, sizeof(*c));
	int r;

	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	c->server = s;
	varlink_stream_init(&c->stream, fd);
	c->permitted =
		!s->service->authorize || s->service->authorize(fd, s->service->userdata) >= 0;
	c->next = s->connections;
	if (c->next)
		c->next->prev = c;
	s->connections = c;
	s->n_connections++;
	r = connection_watch(c);
	if (r < 0)
		connection_free(c);
	return r;
}

static int on_connect(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	VarlinkServer *s = userdata;
	int peer;

	peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (peer < 0)
		return 0;
	if (s->n_connections >= VARLINK_CONNECTIONS_MAX)
		close(peer);
	else
		(void)connection_new(s, peer);
	return 0;
}

int varlink_server_new(sd_event *event, const VarlinkService *service, VarlinkServer **ret)
{
	VarlinkServer *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->event = sd_event_ref(event);
	s->service = service;
	s->listen_fd = -EBADF;
	*ret = s;
	return 0;
}

int varlink_server_listen(VarlinkServer *s, int fd)
{
	s->listen_fd = fd;
	return sd_event_add_io(s->event, &s->listener, fd, EPOLLIN, on_connect, s);
}

VarlinkServer *varlink_server_free(VarlinkServer *s)
{
	if (!s)
		return NULL;
	sd_event_source_disable_unref(s->listener);
	closep(&s->listen_fd);
	while (s->connections)
		connection_free(s->connections);
	sd_event_unref(s->event);
	free(s);
	return NULL;
}

int varlink_listen_unix(const char *path, mode_t mode)
{
	_cleanup_close_ int fd = -EBADF;
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct stat st;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && unlink(path) < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || chmod(path, mode) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		return -errno;
	return TAKE_FD(fd);
}
