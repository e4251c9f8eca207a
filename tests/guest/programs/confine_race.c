// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What is opened while folders and mounts are moved by confine_storm.c: a file has one of two
 * paths, and the profile says the same of both. A path made up of parts of both would not be so.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "confine.h"
#include "confine_storm.h"

enum rule {
	RULE_OPENS, /* always */
	RULE_REFUSED, /* always */
	RULE_MAY_BE_GONE, /* opens, unless it is elsewhere just now */
	RULE_NEVER, /* does not open, for whatever reason */
};

static const struct probe {
	const char *name, *path;
	enum rule rule;
	bool held; /* opened as a mere path before the storm, and then by that */
} probes[] = {
	{ "renamed", STORM_SHORT "/sub/good", RULE_OPENS, false },
	{ "renamed", STORM_SHORT "/sub/bad", RULE_REFUSED, false },
	{ "renamed", STORM_LONG "/sub/good", RULE_OPENS, false },
	{ "renamed", STORM_LONG "/sub/bad", RULE_REFUSED, false },
	{ "renamed-held", STORM_SHORT "/sub/good", RULE_OPENS, true },
	{ "renamed-held", STORM_SHORT "/sub/bad", RULE_REFUSED, true },
	{ "renamed-held", STORM_LONG "/sub/good", RULE_OPENS, true },
	{ "renamed-held", STORM_LONG "/sub/bad", RULE_REFUSED, true },
	{ "moved", STORM_MOUNT_A "/sub/good", RULE_MAY_BE_GONE, false },
	{ "moved", STORM_MOUNT_A "/sub/bad", RULE_NEVER, false },
	{ "moved", STORM_MOUNT_B "/sub/bad", RULE_NEVER, false },
	{ "moved-held", STORM_MOUNT_A "/sub/good", RULE_OPENS, true },
	{ "moved-held", STORM_MOUNT_A "/sub/bad", RULE_REFUSED, true },
	{ "covered", STORM_COVERED "/bad", RULE_NEVER, false },
};

#define NR_PROBES (sizeof(probes) / sizeof(probes[0]))

static bool holds(enum rule rule, int error)
{
	switch (rule) {
	case RULE_OPENS:
		return error == 0;
	case RULE_REFUSED:
		return error == EACCES;
	case RULE_MAY_BE_GONE:
		return error == 0 || error == ENOENT;
	default:
		return error != 0;
	}
}

static int try(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int prepare(char (*paths)[512])
{
	size_t i;
	int fd;

	for (i = 0; i < NR_PROBES; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s", probes[i].path);
		if (!probes[i].held)
			continue;
		fd = (int)step("hold", open(probes[i].path, O_PATH));
		if (fd < 0)
			return fd;
		snprintf(paths[i], sizeof(paths[i]), "/proc/self/fd/%d", fd);
	}
	return 0;
}

static int race(char (*paths)[512], time_t seconds)
{
	time_t end = time(NULL) + seconds;
	long n = 0;
	size_t i;
	int error;

	while (time(NULL) < end)
		for (i = 0; i < NR_PROBES; i++, n++) {
			error = try(paths[i]);
			if (holds(probes[i].rule, error))
				continue;
			fprintf(stderr, "%s %s: %s, after %ld tries\n", probes[i].name,
				probes[i].path, error ? strerror(error) : "opened", n);
			errno = error ?: EPERM;
			return (int)step(error ? "lost" : "leaked", -1);
		}
	remark(n);
	return 0;
}

/* SECONDS */
static int op_race(char **w)
{
	static char paths[NR_PROBES][512];
	int r;

	alarm((unsigned int)atoi(w[0]) + 20);
	r = (int)outside("prepare");
	if (r == 0)
		r = prepare(paths);
	if (r == 0)
		r = (int)outside("storm");
	if (r < 0)
		return r;
	r = race(paths, atoi(w[0]));
	if (outside("calm") < 0 && r == 0)
		return -EIO;
	return r;
}

const struct operation race_operations[] = {
	{ "mount-race", 1, op_race },
	{},
};
