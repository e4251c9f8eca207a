/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The methods of io.vkernel, a file a noun; what the handlers share. */
#pragma once

#include "vkerneld/manager.h"

extern const VarlinkMethod api_methods[];

/* api_add.c */
int api_add_policy(VarlinkCall *call, json_object *parameters, void *userdata);
int api_check_policy(VarlinkCall *call, json_object *parameters, void *userdata);

/* api_policy.c */
int api_list_policies(VarlinkCall *call, json_object *parameters, void *userdata);
int api_get_policy(VarlinkCall *call, json_object *parameters, void *userdata);
int api_remove_policy(VarlinkCall *call, json_object *parameters, void *userdata);
/* {policy: ...} of one that is kept. */
int api_policy_json(Manager *m, const char *name, json_object **ret, Failure *f);
/* Adds what people would know of a policy to a reply. */
int api_describe(const Policy *p, json_object *reply);

/* api_build.c */
int api_build(VarlinkCall *call, json_object *parameters, void *userdata);
int api_list_builds(VarlinkCall *call, json_object *parameters, void *userdata);

/* api_cache.c */
int api_list_cache(VarlinkCall *call, json_object *parameters, void *userdata);
int api_collect_cache(VarlinkCall *call, json_object *parameters, void *userdata);
int api_remove_cached(VarlinkCall *call, json_object *parameters, void *userdata);
int api_verify_cache(VarlinkCall *call, json_object *parameters, void *userdata);

/* api_prebuilt.c */
int api_export(VarlinkCall *call, json_object *parameters, void *userdata);
int api_import(VarlinkCall *call, json_object *parameters, void *userdata);

/* api_bind.c */
int api_prepare(VarlinkCall *call, json_object *parameters, void *userdata);
int api_bind(VarlinkCall *call, json_object *parameters, void *userdata);

/* api_apply.c */
int api_apply_policy(VarlinkCall *call, json_object *parameters, void *userdata);

/* api_instance.c */
int api_unbind(VarlinkCall *call, json_object *parameters, void *userdata);
int api_list(VarlinkCall *call, json_object *parameters, void *userdata);
int api_inspect(VarlinkCall *call, json_object *parameters, void *userdata);
int api_set_mode(VarlinkCall *call, json_object *parameters, void *userdata);
int api_monitor(VarlinkCall *call, json_object *parameters, void *userdata);
int api_instance_json(Manager *m, const KernelInstance *i, json_object **ret);
/* What Bind and ApplyPolicy answer; cached: nothing had to be compiled. */
int api_instance_reply(Manager *m, const KernelInstance *i, bool cached, json_object **ret);
/* By its name, an unambiguous beginning of that, or its id. */
int api_find_instance(Manager *m, const char *container, KernelInstance *ret, Failure *f);

/* api_module.c */
int api_list_modules(VarlinkCall *call, json_object *parameters, void *userdata);
int api_unload(VarlinkCall *call, json_object *parameters, void *userdata);
/* A policy's name stands for the module of its digest, any other for itself. */
int api_digest_of(Manager *m, const char *name, char **ret, Failure *f);

/* api_status.c */
int api_status(VarlinkCall *call, json_object *parameters, void *userdata);

/* Ends a call with a failure, which is used up. */
void api_fail(VarlinkCall *call, Failure *f);

/*
 * Ends a call by how it went: with the reply, which is taken over, or, for a negative errno, with
 * the failure. Returns 0, as a handler does.
 */
int api_end(VarlinkCall *call, int r, json_object *reply, Failure *f);

/* Reads the parameters; if they are wrong, ends the call and returns 1. */
int api_dispatch(VarlinkCall *call, json_object *parameters, const VarlinkField *fields,
		 void *structure);

/* Puts what there is into the array. */
typedef int (*ApiFill)(Manager *m, json_object *array, Failure *f);

/* A method without parameters that answers with one array, of what it only reads. */
int api_answer_list(VarlinkCall *call, json_object *parameters, const char *key, ApiFill fill,
		    Manager *m);
/* The same of what it changes. */
int api_answer_changes(VarlinkCall *call, json_object *parameters, const char *key, ApiFill fill,
		       Manager *m);

/* Names of policies and containers: what may stand in them, and on a command line. */
int api_check_name(const char *what, const char *name, Failure *f);

/* {key: value}; the value is taken over. */
int api_object(const char *key, json_object *value, json_object **ret);

/*
 * A call that waits for builds and modules. It is freed with the daemon if it is still there then.
 */
struct Operation {
	Operation *next;
	Manager *manager;
	VarlinkCall *call;
	void (*free)(Operation *o);
};

void operation_begin(Operation *o, Manager *m, VarlinkCall *call, void (*release)(Operation *o));
/* Ends the call, as api_end() does, and frees the operation. */
void operation_end(Operation *o, int r, json_object *reply, Failure *f);
void operations_done(Manager *m);
