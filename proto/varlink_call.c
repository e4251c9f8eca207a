/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls: to whom they go, and what is answered. */
#include <string.h>

#include "proto/varlink_connection.h"
#include "proto/varlink_description.h"

#define LIMIT_TEXT(x) #x
#define LIMIT(x) LIMIT_TEXT(x)

static VarlinkCall *call_new(Connection *c)
{
	VarlinkCall *call = calloc(1, sizeof(*call));

	if (call) {
		call->connection = c;
		c->call = call;
	}
	return call;
}

static void call_free(VarlinkCall *call)
{
	if (call->stream && call->connection)
		call->connection->user->n_streams--;
	free(call);
}

void call_detach(VarlinkCall *call)
{
	if (call->stream)
		call->connection->user->n_streams--;
	call->connection = NULL;
	if (call->closed)
		call->closed(call, call->closed_userdata);
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

static int send_reply(Connection *c, const char *error, json_object *parameters, bool continues)
{
	_cleanup_json_ json_object *reply = NULL;
	int r;

	r = make_reply(error, parameters, continues, &reply);
	if (r < 0)
		return r;
	return connection_send(c, reply, continues ? VARLINK_NOTIFY_MAX : VARLINK_OUT_MAX);
}

static void end(VarlinkCall *call, const char *error, json_object *parameters)
{
	Connection *c = call->connection;
	bool silent = call->oneway;
	int r = 0;

	call_free(call);
	if (!c) {
		json_object_put(parameters);
		return;
	}
	c->call = NULL;
	if (silent || c->dead)
		json_object_put(parameters);
	else
		r = send_reply(c, error, parameters, false);
	if (r < 0)
		connection_drop(c);
	else
		connection_continue(c);
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

	if (!c || c->dead) {
		json_object_put(parameters);
		return -ENOTCONN;
	}
	if (send_reply(c, NULL, parameters, true) >= 0)
		return 0;
	/* Not freed under the caller's feet: it may be walking its list of calls. */
	connection_kill(c);
	return -ENOTCONN;
}

int varlink_call_peer(const VarlinkCall *call, uid_t *ret)
{
	if (!call->connection)
		return -ENOTCONN;
	*ret = call->connection->user->uid;
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
	call_free(call);
}

/* An error of the interface's that says what and what to do. */
static int explain(const VarlinkService *service, const char *name, const char *message,
		   const char *hint, char **ret_error, json_object **ret_parameters)
{
	_cleanup_json_ json_object *p = json_object_new_object();
	int r = p ? json_add_string(p, "message", message) : -ENOMEM;

	if (r >= 0)
		r = json_add_string(p, "hint", hint);
	if (r >= 0 && asprintf(ret_error, "%s.%s", service->interface, name) < 0)
		r = -ENOMEM;
	if (r >= 0)
		*ret_parameters = TAKE_PTR(p);
	return r;
}

static void fail_as(VarlinkCall *call, const char *name, const char *message, const char *hint)
{
	_cleanup_free_ char *error = NULL;
	json_object *p = NULL;

	if (explain(call->connection->server->service, name, message, hint, &error, &p) < 0)
		connection_kill(call->connection);
	end(call, error, p);
}

static void refuse(VarlinkCall *call, const char *message, const char *hint)
{
	fail_as(call, VARLINK_LIMIT_EXCEEDED, message, hint);
}

json_object *call_limit_error(const VarlinkService *service, const char *message, const char *hint)
{
	_cleanup_free_ char *error = NULL;
	json_object *p = NULL, *reply = NULL;

	if (explain(service, VARLINK_LIMIT_EXCEEDED, message, hint, &error, &p) >= 0)
		(void)make_reply(error, p, false, &reply);
	return reply;
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

/* Of what has no end one user may have only so many. */
static bool count_stream(VarlinkCall *call)
{
	User *u = call->connection->user;

	if (u->n_streams >= VARLINK_USER_STREAMS_MAX)
		return false;
	u->n_streams++;
	call->stream = true;
	return true;
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
		if (m->more && !count_stream(call)) {
			refuse(call,
			       "this user follows " LIMIT(
				       VARLINK_USER_STREAMS_MAX) " streams of events already",
			       "end some of them");
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
	_cleanup_free_ char *interface = NULL;
	const char *method;
	size_t n = strlen(name);

	method = split(name, &n);
	if (method && is_interface(name, n, "org.varlink.service"))
		return call_service(call, method, parameters);
	if (method && is_interface(name, n, service->interface))
		return call_method(call, method, parameters);
	interface = strndup(name, n);
	if (!interface)
		return -ENOMEM;
	error_with(call, "org.varlink.service.InterfaceNotFound", "interface", interface);
	return 0;
}

int call_refuse(Connection *c, int error)
{
	VarlinkCall *call = call_new(c);

	if (!call)
		return -ENOMEM;
	if (error == -E2BIG)
		refuse(call,
		       "the message has more values than the " LIMIT(
			       VARLINK_VALUES_MAX) " that one may have",
		       "give a profile as a file of its own");
	else
		refuse(call,
		       "the message is longer than the " VARLINK_MESSAGE_MAX_TEXT
		       " that one may be",
		       "a profile may have 4 MiB");
	return 0;
}

int call_begin(Connection *c, json_object *message)
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
		fail_as(call, "Failed", strerror(-r), NULL);
	return 0;
}
