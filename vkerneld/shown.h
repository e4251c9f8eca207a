/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An event with its numbers put into words. */
#pragma once

#include <json-c/json.h>

#include "vkerneld/build/hash.h"
#include "vkerneld/kernel.h"

/* Words that the event does not have are empty or NULL. */
typedef struct Shown {
	const KernelEvent *event;
	const char *kind; /* NULL: a later core's */
	char digest[HASH_HEX_SIZE];
	char comm[sizeof((KernelEvent){}.comm)];
	char *call, *verdict;
	const char *class, *operation;
	char *requested, *missing;
	char *path, *target, *label;
	/* One that has no name is a number. */
	char capability[32], family[16], type[16], signal[16], resource[16];
	bool passed; /* permitted, or the mode lets everything pass */
} Shown;

/* The event has to live as long. */
void shown_init(Shown *s, const KernelEvent *e);
void shown_done(Shown *s);
#define _cleanup_shown_ _cleanup_(shown_done)

/* The Event of io.vkernel. */
int shown_json(const Shown *s, json_object **ret);
