/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parameters of a call, into a structure. */
#include <string.h>

#include "proto/varlink_server.h"

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
