/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "proto/util.h"
#include "vkerneld/child.h"

/* Newer than the headers of Debian 12 know it. */
#define FS_TRUNCATE (1ull << 14) /* ABI 3 */
#define NET_TCP 3ull /* ABI 4: to bind, to connect */
#define SCOPES 3ull /* ABI 6: abstract sockets, signals */

#define FS_OF_FILES (LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)

#define FS_CHANGE                                                        \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |     \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |   \
	 LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)

/* struct landlock_ruleset_attr as ABI 6 has it; older kernels take its beginning. */
struct ruleset {
	uint64_t fs, net, scoped;
};

/* 0: there is none. The filter of an older systemd does not know these calls. */
static int landlock_abi(void)
{
	long r = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (r >= 0)
		return (int)r;
	return errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM ? 0 : -errno;
}

static int ruleset_new(int abi, struct ruleset *rules)
{
	size_t size = sizeof(rules->fs);
	long fd;

	*rules = (struct ruleset){ .fs = FS_CHANGE };
	if (abi < 2)
		rules->fs &= ~(uint64_t)LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		rules->fs |= FS_TRUNCATE;
	if (abi >= 4) {
		rules->net = NET_TCP;
		size += sizeof(rules->net);
	}
	if (abi >= 6) {
		rules->scoped = SCOPES;
		size += sizeof(rules->scoped);
	}
	fd = syscall(SYS_landlock_create_ruleset, rules, size, 0);
	return fd < 0 ? -errno : (int)fd;
}

static int allow_beneath(int ruleset, const char *path, uint64_t access)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = fd };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= FS_OF_FILES;
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0
		       ? -errno
		       : 0;
}

int child_keep_files(const char *path)
{
	_cleanup_close_ int fd = -EBADF;
	struct ruleset rules;
	int abi = landlock_abi(), r;

	if (abi <= 0)
		return abi;
	fd = ruleset_new(abi, &rules);
	if (fd < 0)
		return fd;
	r = allow_beneath(fd, "/dev/null", rules.fs);
	if (r >= 0 && path)
		r = allow_beneath(fd, path, rules.fs);
	if (r >= 0 && syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		r = -errno;
	return r;
}
