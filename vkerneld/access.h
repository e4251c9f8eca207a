/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may call. */
#pragma once

#define ACCESS_GROUP "vkernel"

/* 0 for a peer that is root, who the daemon runs as, or in the group; else -EACCES. */
int access_check(int fd);
