/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why something did not work, and what to do about it. */
#pragma once

#include <json-c/json.h>

#include "vkctl/vkctl.h"

struct failure {
	enum status status;
	char *why;
	char *hint; /* or NULL */
	char *output; /* a compiler's, or NULL */
};

void failure_clear(struct failure *failure);
#define _cleanup_failure_ _cleanup_(failure_clear)

/* Always returns -EREMOTEIO, so that callers can return it. */
int failure_set(struct failure *failure, enum status status, const char *hint, const char *why, ...)
	__attribute__((format(printf, 4, 5)));

/* From a Varlink error; @parameters may be NULL or anything a broken peer sends. */
int failure_from_error(struct failure *failure, const char *error, struct json_object *parameters);

/* "vkctl: what: why" and the hint on stderr; returns the exit status. */
int failure_report(const struct failure *failure, const char *what);
