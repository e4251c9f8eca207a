// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string.h>

#include "vkctl/call.h"

static const char *socket_path(void)
{
	const char *path = getenv("VKERNEL_SOCKET");

	return path && *path ? path : VKERNEL_SOCKET;
}

int call_connect(VarlinkClient **ret, struct failure *failure)
{
	const char *path = socket_path();
	int r = varlink_client_connect(path, ret);

	if (r == -EACCES || r == -EPERM)
		return failure_set(failure, STATUS_PERMISSION,
				   "run it as root, or as a member of the group vkernel",
				   "no permission to talk to vkerneld at %s", path);
	if (r < 0)
		return failure_set(failure, STATUS_UNREACHABLE,
				   "is it running? 'systemctl start vkerneld.socket' starts it",
				   "cannot reach vkerneld at %s: %s", path, strerror(-r));
	return 0;
}

static int broken(int r, const char *doing, struct failure *failure)
{
	if (r == -EMSGSIZE)
		return failure_set(failure, STATUS_FAILED, "make it smaller",
				   "the message is over the limit of " VARLINK_MESSAGE_MAX_TEXT);
	if (r == -ETIMEDOUT)
		return failure_set(failure, STATUS_UNREACHABLE,
				   "'systemctl status vkerneld' shows what it does",
				   "vkerneld did not answer in time");
	return failure_set(failure, STATUS_UNREACHABLE, "'journalctl -u vkerneld' may say why",
			   "the connection to vkerneld broke %s: %s", doing, strerror(-r));
}

int call_receive(VarlinkClient *client, VarlinkReply *ret, struct failure *failure)
{
	_cleanup_varlink_reply_ VarlinkReply reply = {};
	int r = varlink_client_receive(client, &reply);

	if (r < 0)
		return broken(r, "before it answered", failure);
	if (reply.error)
		return failure_from_error(failure, reply.error, reply.parameters);
	*ret = reply;
	reply = (VarlinkReply){};
	return 0;
}

static int call_send(VarlinkClient *client, const char *method, json_object *parameters,
		     VarlinkFlags flags, struct failure *failure)
{
	char qualified[128];
	int r;

	snprintf(qualified, sizeof(qualified), VKERNEL_INTERFACE ".%s", method);
	r = varlink_client_send(client, qualified, parameters, flags);
	return r < 0 ? broken(r, "while it was asked", failure) : 0;
}

int call_more(VarlinkClient *client, const char *method, json_object *parameters,
	      struct failure *failure)
{
	return call_send(client, method, parameters, VARLINK_MORE, failure);
}

int call_on(VarlinkClient *client, const char *method, json_object *parameters, json_object **ret,
	    struct failure *failure)
{
	_cleanup_varlink_reply_ VarlinkReply reply = {};
	int r;

	r = call_send(client, method, parameters, 0, failure);
	if (r >= 0)
		r = call_receive(client, &reply, failure);
	if (r >= 0 && ret)
		*ret = TAKE_PTR(reply.parameters);
	return r;
}

int call(const char *method, json_object *parameters, unsigned int seconds, json_object **ret,
	 struct failure *failure)
{
	_cleanup_varlink_client_ VarlinkClient *client = NULL;
	int r;

	r = call_connect(&client, failure);
	if (r < 0)
		return r;
	if (seconds)
		varlink_client_set_timeout(client, seconds);
	return call_on(client, method, parameters, ret, failure);
}

json_object *object_with(const char *key, const char *value)
{
	_cleanup_json_ json_object *object = json_object_new_object();

	if (!object || json_add_string(object, key, value) < 0)
		return NULL;
	return TAKE_PTR(object);
}
