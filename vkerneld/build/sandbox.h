/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a program as somebody else, with limits, and leaves no process of it behind. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include <systemd/sd-event.h>

#include "proto/util.h"

#define SANDBOX_OUTPUT_MAX (64u << 10)

typedef struct Sandbox Sandbox;

typedef struct SandboxSpec {
	const char *dir; /* current directory, $HOME and $TMPDIR */
	const char *const *argv;
	/*
	 * All processes of the user are killed when the last of its sandboxes ends: it must have no
	 * other use. 0: stay.
	 */
	uid_t uid;
	gid_t gid;
	unsigned int timeout; /* seconds */
} SandboxSpec;

typedef struct SandboxResult {
	int status; /* of exit; or the negated signal */
	bool timed_out;
	const char *output; /* the last SANDBOX_OUTPUT_MAX bytes of stdout and stderr */
} SandboxResult;

/* The sandbox is freed after this. */
typedef void (*SandboxDone)(const SandboxResult *result, void *userdata);

int sandbox_start(sd_event *event, const SandboxSpec *spec, SandboxDone done, void *userdata,
		  Sandbox **ret);

/* Kills what runs; done is not called. */
Sandbox *sandbox_free(Sandbox *s);
