/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The settings, which the daemon and the hook read from one file: "Key=value" lines, # comments. */
#pragma once

#include <stdbool.h>

#include "proto/util.h"

#define VKERNEL_CONF "/etc/vkernel/vkernel.conf"

typedef struct Conf {
	bool on_failure_warn; /* OnFailure=refuse|warn: start a container without its kernel? */
	bool on_claim_kill; /* OnClaim=refuse|kill: who uses a capability it was not given */
	bool builder_kbuild; /* Builder=template|kbuild: what makes policies' modules */
	char *build_user; /* BuildUser= */
	unsigned int build_timeout; /* BuildTimeoutSec= */
	char *runtimes; /* Runtimes=, names or absolute paths, blanks between them */
	char *signing_key, *signing_cert; /* ModuleSigningKey=, ModuleSigningCert=, paths or NULL */
} Conf;

void conf_done(Conf *c);
#define _cleanup_conf_ _cleanup_(conf_done)

/*
 * Reads the file; a missing one gives the defaults. On failure ret_error says "file:line: what",
 * to be freed by the caller; it may be NULL when memory is out.
 */
int conf_load(const char *path, Conf *ret, char **ret_error);
