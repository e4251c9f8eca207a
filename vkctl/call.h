/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One call to vkerneld, its errors as failures. */
#pragma once

#include "proto/varlink.h"
#include "vkctl/failure.h"

/* VKERNEL_SOCKET of the environment, or the default. */
int call_connect(VarlinkClient **ret, struct failure *failure);

/* method: without the interface. parameters: may be NULL. ret: may be NULL. seconds: 0, for ever */
int call(const char *method, json_object *parameters, unsigned int seconds, json_object **ret,
	 struct failure *failure);

/* The same, over a connection that is there already. */
int call_on(VarlinkClient *client, const char *method, json_object *parameters, json_object **ret,
	    struct failure *failure);

/* With more; receive with call_receive() then. */
int call_more(VarlinkClient *client, const char *method, json_object *parameters,
	      struct failure *failure);
int call_receive(VarlinkClient *client, VarlinkReply *ret, struct failure *failure);

/* Puts a freshly made object with one string; NULL when memory is out. */
json_object *object_with(const char *key, const char *value);
