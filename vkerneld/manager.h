/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All that the daemon has. */
#pragma once

#include <systemd/sd-event.h>

#include "db/db.h"
#include "proto/conf.h"
#include "proto/varlink_server.h"
#include "vkerneld/build/builder.h"
#include "vkerneld/kernel.h"
#include "vkerneld/reading.h"

/* Where things are; the defaults are main.c's. */
typedef struct ManagerOptions {
	const char *socket; /* bound by the daemon itself; NULL: systemd passes it */
	const char *state, *cache, *sources, *modules;
	const char *apparmor; /* profiles, and what they include */
} ManagerOptions;

typedef struct Remembered Remembered;
typedef struct Monitor Monitor;
typedef struct Operation Operation;

typedef struct Manager {
	const ManagerOptions *options;
	const Conf *conf;
	char *settings_error; /* why the last reload changed nothing; NULL: it did */
	sd_event *event;
	Host host;
	Db *db;
	Kernel *kernel;
	BuilderConfig builder_config;
	uid_t profile_uid; /* of parsers; 0: the daemon's own */
	gid_t profile_gid;
	Builder *builder;
	VarlinkService service;
	VarlinkServer *server;
	Monitor *monitors; /* calls of Monitor() */
	Operation *operations; /* calls that wait for builds and modules */
	Remembered *remembered; /* confinements of names, the latest first */
	Readings *readings; /* policies of profiles on system calls */
	sd_event_source *trim; /* of the cache, once it has grown */
	bool told_unchecked; /* that the core can not check capabilities was logged */
} Manager;

/* What went wrong was logged. The settings must live until others take their place. */
int manager_new(sd_event *event, const ManagerOptions *options, const Conf *conf, Manager **ret);

/*
 * Other settings from here on; builds under way go on with those of before. On failure nothing
 * changes, and ret_error, to be freed, says what to do.
 */
int manager_configure(Manager *m, const Conf *conf, char **ret_error);
Manager *manager_free(Manager *m);

static inline void manager_freep(Manager **m)
{
	manager_free(*m);
}
