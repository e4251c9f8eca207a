/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Folders and mounts that change places without end. */
#pragma once

/* One name lies in its dentry, the other is too long for that. */
#define STORM_SHORT "/race/r/A/one"
#define STORM_LONG                                                                                 \
	"/race/r/B/two-whose-name-is-too-long-to-lie-within-a-dentry-of-any-kernel-that-there-is"
#define STORM_MOUNT_A "/race/m/A/one"
#define STORM_MOUNT_B "/race/m/B/two"
#define STORM_COVERED "/race/u/A"
#define STORM_COVER "/race/u/B"

/* 0, or -1 and an errno. Mounts are there before it begins. */
int storm_prepare(void);
int storm_start(void);
int storm_stop(void);
