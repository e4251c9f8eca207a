/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The settings, which the daemon and the hook read from one file and drop-ins to it: "Key=value"
 * lines, # comments.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/util.h"

#define VKERNEL_CONF "/etc/vkernel/vkernel.conf"

typedef struct Conf {
	bool on_failure_warn; /* OnFailure=refuse|warn: start a container without its kernel? */
	bool on_claim_kill; /* OnClaim=refuse|kill: who uses a capability it was not given */
	bool builder_kbuild; /* Builder=template|kbuild: what makes policies' modules */
	char *build_user; /* BuildUser= */
	char *profile_user; /* ProfileUser=, another one */
	unsigned int build_timeout; /* BuildTimeoutSec= */
	unsigned int builds_max; /* BuildsMax=, how many compile at once */
	unsigned int build_queue_max; /* BuildQueueMax=, how many more may wait */
	uint64_t cache_max; /* CacheMax=, bytes; UINT64_MAX: no limit */
	char *runtimes; /* Runtimes=, names or absolute paths, blanks between them */
	char *signing_key, *signing_cert; /* ModuleSigningKey=, ModuleSigningCert=, paths or NULL */
	char *signing_hash; /* ModuleSigningHash= */
	char *import_certs; /* ModuleImportCerts=, a folder, or NULL */
} Conf;

void conf_done(Conf *c);
#define _cleanup_conf_ _cleanup_(conf_done)

/*
 * Reads the file; a missing one gives the defaults. What the drop-ins say goes before it: *.conf of
 * the folder PATH.d and, for VKERNEL_CONF, of those of the same name in /run, /usr/local/lib and
 * /usr/lib. They are read in the order of their names, whichever the folder; of one name only the
 * one in the first folder counts, so an empty file hides another.
 *
 * On failure ret_error says "file:line: what", to be freed by the caller; it may be NULL when
 * memory is out.
 */
int conf_load(const char *path, Conf *ret, char **ret_error);

/* The same with the folders of drop-ins, NULL-terminated, the first counts most. For the tests. */
int conf_load_folders(const char *path, const char *const *folders, Conf *ret, char **ret_error);
