/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <grp.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "proto/util.h"
#include "vkerneld/access.h"

#define GROUPS_MAX 65536

static int group_id(gid_t *ret)
{
	_cleanup_free_ char *buffer = malloc(65536);
	struct group group, *found;

	if (!buffer)
		return -ENOMEM;
	if (getgrnam_r(ACCESS_GROUP, &group, buffer, 65536, &found) != 0 || !found)
		return -ENOENT;
	*ret = found->gr_gid;
	return 0;
}

static bool has_group(int fd, gid_t gid)
{
	socklen_t size = 64 * sizeof(gid_t);
	_cleanup_free_ gid_t *groups = malloc(size);

	/* Too small a buffer is told with the size it takes. */
	while (groups && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0) {
		if (errno != ERANGE || size > GROUPS_MAX * sizeof(gid_t))
			return false;
		free(groups);
		groups = malloc(size);
	}
	for (size_t i = 0; groups && i < size / sizeof(gid_t); i++)
		if (groups[i] == gid)
			return true;
	return false;
}

int access_check(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	gid_t gid;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	if (peer.uid == 0 || peer.uid == geteuid())
		return 0;
	if (group_id(&gid) < 0)
		return -EACCES;
	return peer.gid == gid || has_group(fd, gid) ? 0 : -EACCES;
}
