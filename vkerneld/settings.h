/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The settings that hold, and others in their place on SIGHUP. */
#pragma once

#include "vkerneld/manager.h"

typedef struct Settings {
	const char *path;
	Conf *conf; /* the manager reads it */
	Manager *manager;
} Settings;

/* Frees the settings; the manager must be gone. */
void settings_done(Settings *s);
#define _cleanup_settings_ _cleanup_(settings_done)

/* What is wrong with them was logged. */
int settings_load(Settings *s);

/* SIGHUP, which must be blocked, has them read again. What is wrong then leaves all as it is. */
int settings_watch(Settings *s, sd_event *event);
void settings_reload(Settings *s);
