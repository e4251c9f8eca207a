/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <string.h>

#include "proto/varlink.h"
#include "vkerneld/failure.h"

void failure_done(Failure *f)
{
	json_object_put(f->parameters);
	*f = (Failure){};
}

void failure_add(Failure *f, const char *key, const char *value)
{
	if (f->parameters)
		(void)json_add_string(f->parameters, key, value);
}

void failure_add_int(Failure *f, const char *key, int64_t value)
{
	if (f->parameters)
		(void)json_add_int(f->parameters, key, value);
}

static void begin(Failure *f, const char *error)
{
	f->error = error;
	f->parameters = json_object_new_object();
}

int fail(Failure *f, int r, const char *error, const char *hint, const char *format, ...)
{
	_cleanup_free_ char *message = NULL;
	va_list ap;

	if (f->error)
		return r;
	begin(f, error);
	va_start(ap, format);
	if (vasprintf(&message, format, ap) < 0)
		message = NULL;
	va_end(ap);
	failure_add(f, "message", message);
	failure_add(f, "hint", hint);
	return r;
}

static const char *hint_for(int r)
{
	switch (r) {
	case -ENOSPC:
	case -EDQUOT:
		return "free some space on the file system of /var/cache/vkernel and /var/lib/vkernel";
	case -EROFS:
		return "/var/cache/vkernel and /var/lib/vkernel must be writable";
	case -EMFILE:
	case -ENFILE:
		return "too many files are open on this host";
	case -ENOMEM:
		return "memory is out on this host";
	case -EUCLEAN:
		return "the database is damaged; 'systemctl restart vkerneld' says how to go on";
	default:
		return NULL;
	}
}

int fail_errno(Failure *f, int r, const char *doing)
{
	return fail(f, r, ERROR_FAILED, hint_for(r), "%s: %s", doing, strerror(-r));
}

int fail_with(Failure *f, int r, const char *error, const char *key, const char *value)
{
	if (f->error)
		return r;
	begin(f, error);
	failure_add(f, key, value);
	return r;
}

const char *failure_message(const Failure *f)
{
	const char *message = json_get_string(f->parameters, "message");

	return message ? message : f->error ? f->error : "no failure";
}

void failure_copy(Failure *to, const Failure *from)
{
	to->error = from->error;
	to->parameters = NULL;
	if (from->parameters)
		(void)json_object_deep_copy(from->parameters, &to->parameters, NULL);
}
