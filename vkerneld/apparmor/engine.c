/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/apparmor/engine.h"

#include <fnmatch.h>
#include <string.h>

#include "proto/util.h"

#define NAME_MAX_LENGTH 128

/* What a container may, but for files and tracing; who signals it from the host is unconfined. */
static const char common[] =
	"\tnetwork,\n"
	"\tcapability,\n"
	"\tfile,\n"
	"\tumount,\n"
	"\tdeny mount,\n"
	"\n"
	"\tsignal (receive) peer=unconfined,\n"
	"\tsignal (receive) peer={/usr/bin/,/usr/sbin/,}runc,\n"
	"\tsignal (receive) peer={/usr/bin/,/usr/sbin/,}crun*,\n"
	"\tsignal (send, receive) set=(exists),\n"
	"\n"
	"\t# Of /proc: what belongs to processes, and shared memory's limits.\n"
	"\tdeny /proc/* w,\n"
	"\tdeny /proc/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9/]*}/** w,\n"
	"\tdeny /proc/sys/[^k]** w,\n"
	"\tdeny /proc/sys/kernel/{?,??,[^s][^h][^m]**} w,\n"
	"\tdeny /proc/sysrq-trigger rwklx,\n"
	"\tdeny /proc/kcore rwklx,\n"
	"\n"
	"\t# Of /sys: control groups.\n"
	"\tdeny /sys/[^f]*/** wklx,\n"
	"\tdeny /sys/f[^s]*/** wklx,\n"
	"\tdeny /sys/fs/[^c]*/** wklx,\n"
	"\tdeny /sys/fs/c[^g]*/** wklx,\n"
	"\tdeny /sys/fs/cg[^r]*/** wklx,\n"
	"\tdeny /sys/firmware/** rwklx,\n"
	"\tdeny /sys/devices/virtual/powercap/** rwklx,\n"
	"\tdeny /sys/kernel/security/** rwklx,\n"
	"\n"
	"\t# As the base abstraction has it: others may, if they are let.\n"
	"\tptrace (readby, tracedby),\n";

/* Podman's own runs on the host, under a profile on some. */
static const char podman[] = "\tsignal (receive) set=(int, quit, kill, term) "
			     "peer={/usr/bin/,/usr/sbin/,}podman,\n";

static const struct {
	const char *pattern, *rules;
} engines[] = {
	{ "docker-default", "" },    { "cri-containerd.apparmor.d", "" },
	{ "nerdctl-default", "" },   { "containers-default-*", podman },
	{ "crio-default*", podman },
};

/* Nothing that would end the name in the text. */
static int plain(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-+~";

	return strlen(name) <= NAME_MAX_LENGTH && !name[strspn(name, letters)];
}

static int write_profile(const char *name, const char *rules, char **ret)
{
	char *text;

	if (asprintf(&text,
		     "profile %s flags=(attach_disconnected,mediate_deleted) {\n"
		     "%s\n%s"
		     "\tsignal (send, receive) peer=%s,\n"
		     "\tptrace (trace, read, tracedby, readby) peer=%s,\n"
		     "}\n",
		     name, common, rules, name, name) < 0)
		return -ENOMEM;
	*ret = text;
	return 0;
}

int engine_profile(const char *name, char **ret)
{
	if (!plain(name))
		return -ENOENT;
	for (size_t i = 0; i < ELEMENTSOF(engines); i++)
		if (fnmatch(engines[i].pattern, name, 0) == 0)
			return write_profile(name, engines[i].rules, ret);
	return -ENOENT;
}
