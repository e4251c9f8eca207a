/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the shim has to know of runc's or crun's command line. The runtime reads the rest. */
#pragma once

#include "vkctl/failure.h"

enum shim_verb {
	SHIM_OTHER, /* the runtime's alone */
	SHIM_CREATE, /* create and run, with a container */
	SHIM_EXEC,
	SHIM_RESTORE,
};

/* Borrowed of argv; NULL for what is not there. */
struct shim_arguments {
	enum shim_verb verb;
	const char *log, *log_format;
	const char *bundle;
	const char *config; /* crun's --config */
	const char *process; /* the file that exec takes */
	const char *container;
};

/* Fails where it can not tell what the runtime would do; log and log_format are set if known. */
int shim_arguments_read(struct shim_arguments *arguments, int argc, char *const *argv,
			struct failure *failure);
