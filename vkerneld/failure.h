/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why something could not be done, as it goes to the caller: a Varlink error and its words. */
#pragma once

#include <stdint.h>

#include <json-c/json.h>

#include "proto/util.h"

#define ERROR_INVALID_PROFILE "io.vkernel.InvalidProfile"
#define ERROR_NO_SUCH_POLICY "io.vkernel.NoSuchPolicy"
#define ERROR_NO_SUCH_CONTAINER "io.vkernel.NoSuchContainer"
#define ERROR_AMBIGUOUS "io.vkernel.Ambiguous"
#define ERROR_NO_SUCH_MODULE "io.vkernel.NoSuchModule"
#define ERROR_NO_SUCH_ENTRY "io.vkernel.NoSuchEntry"
#define ERROR_ENTRY_IN_USE "io.vkernel.EntryInUse"
#define ERROR_NO_SUCH_PROCESS "io.vkernel.NoSuchProcess"
#define ERROR_ALREADY_BOUND "io.vkernel.AlreadyBound"
#define ERROR_IN_USE "io.vkernel.InUse"
#define ERROR_BUILD_FAILED "io.vkernel.BuildFailed"
#define ERROR_QUEUE_FULL "io.vkernel.QueueFull"
#define ERROR_KERNEL_MISSING "io.vkernel.KernelMissing"
#define ERROR_UNSUPPORTED "io.vkernel.Unsupported"
#define ERROR_FAILED "io.vkernel.Failed"

typedef struct Failure {
	const char *error; /* one of the above; NULL while nothing failed */
	json_object *parameters; /* NULL when memory was out */
} Failure;

void failure_done(Failure *f);
#define _cleanup_failure_ _cleanup_(failure_done)

/* Sets it, unless it is set. Returns r, so that a caller can return this. */
int fail(Failure *f, int r, const char *error, const char *hint, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* For what only an errno is known of. */
int fail_errno(Failure *f, int r, const char *doing);

/* Adds another parameter of the error; NULL is left out. */
void failure_add(Failure *f, const char *key, const char *value);
void failure_add_int(Failure *f, const char *key, int64_t value);

/* An error whose only parameter is this one. */
int fail_with(Failure *f, int r, const char *error, const char *key, const char *value);

const char *failure_message(const Failure *f);

/* Another one like it, for another who waits. */
void failure_copy(Failure *to, const Failure *from);
