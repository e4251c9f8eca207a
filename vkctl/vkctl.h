/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every verb of vkctl shares: exit statuses and the table of verbs. */
#pragma once

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

#include "proto/util.h"

/* Documented in vkctl(1); scripts rely on them. */
enum status {
	STATUS_OK,
	STATUS_FAILED,
	STATUS_USAGE,
	STATUS_UNREACHABLE,
	STATUS_PERMISSION,
	STATUS_NOT_FOUND,
	STATUS_IN_USE,
};

struct verb {
	const char *name;
	const char *alias[2];
	const char *arguments;
	const char *summary;
	/* argv[0] is "vkctl VERB", for argp's messages; returns an enum status */
	int (*run)(int argc, char **argv);
};

extern const struct verb verb_build;
extern const struct verb verb_cache;
extern const struct verb verb_events;
extern const struct verb verb_export;
extern const struct verb verb_hook;
extern const struct verb verb_import;
extern const struct verb verb_inspect;
extern const struct verb verb_list;
extern const struct verb verb_mode;
extern const struct verb verb_policy;
extern const struct verb verb_status;
extern const struct verb verb_unload;

/* Runs the verb that the first argument names; @program is what precedes it on the command line. */
int verbs_run(const struct verb *const *verbs, size_t n, const char *program, const char *doc,
	      int argc, char **argv);

/* The option --json, for the argp children of whatever lists. */
extern const struct argp_child json_option[];
