/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR LGPL-2.1-or-later */
/* Generic netlink family "vkernel"; vkernel.yaml is the contract, this follows it. */
#ifndef _VKERNEL_GENL_H
#define _VKERNEL_GENL_H

#define VKERNEL_FAMILY_NAME "vkernel"
#define VKERNEL_FAMILY_VERSION 1
#define VKERNEL_MCGRP_EVENTS "events"

/* Longest container name, without the NUL. */
#define VKERNEL_CONTAINER_MAX 128

enum vkernel_cmd {
	VKERNEL_CMD_GET_INFO = 1,
	VKERNEL_CMD_GET_HOOK,
	VKERNEL_CMD_GET_POLICY,
	VKERNEL_CMD_GET_INSTANCE,
	VKERNEL_CMD_GET_CALL,
	VKERNEL_CMD_BIND,
	VKERNEL_CMD_UNBIND,
	VKERNEL_CMD_SET_MODE,
	VKERNEL_CMD_EVENT,
	VKERNEL_CMD_SET_POLICY, /* of an instance that runs, by its id, name and the digest */
	__VKERNEL_CMD_MAX
};
#define VKERNEL_CMD_MAX (__VKERNEL_CMD_MAX - 1)

enum vkernel_feature {
	VKERNEL_FEATURE_COMPAT = 1 << 0, /* 32-bit calls are filtered */
	VKERNEL_FEATURE_CGROUP = 1 << 1, /* entering tasks are found by cgroup v2 */
	VKERNEL_FEATURE_X32_OFF = 1 << 2, /* the kernel refuses x32 calls; without it nothing binds */
	VKERNEL_FEATURE_CAPABILITY = 1 << 3, /* capabilities get a second look */
	VKERNEL_FEATURE_CONFINE = 1 << 4, /* files, sockets, mounts and so on are ruled by policies */
};

enum vkernel_info {
	VKERNEL_A_INFO_ABI = 1, /* u32: VK_POLICY_ABI */
	VKERNEL_A_INFO_FEATURES, /* u32: enum vkernel_feature */
	VKERNEL_A_INFO_INSTANCES, /* u32 */
	VKERNEL_A_INFO_INSTANCES_MAX, /* u32 */
	VKERNEL_A_INFO_POLICIES, /* u32 */
	VKERNEL_A_INFO_VERSION, /* string: the core's version */
	__VKERNEL_A_INFO_MAX
};
#define VKERNEL_A_INFO_MAX (__VKERNEL_A_INFO_MAX - 1)

enum vkernel_hook_state {
	VKERNEL_HOOK_DIRECT, /* called from the function's entry */
	VKERNEL_HOOK_IPMODIFY, /* the slower way: somebody else holds the direct call */
	VKERNEL_HOOK_KPROBE, /* of numbers without a handler, where ftrace does not reach */
};

enum vkernel_hook {
	VKERNEL_A_HOOK_SYMBOL = 1, /* string */
	VKERNEL_A_HOOK_STATE, /* u32: enum vkernel_hook_state */
	VKERNEL_A_HOOK_USERS, /* u32: policies that need it */
	__VKERNEL_A_HOOK_MAX
};
#define VKERNEL_A_HOOK_MAX (__VKERNEL_A_HOOK_MAX - 1)

enum vkernel_policy {
	VKERNEL_A_POLICY_DIGEST = 1, /* binary, 32 bytes */
	VKERNEL_A_POLICY_MODULE, /* string */
	VKERNEL_A_POLICY_INSTANCES, /* u32 */
	VKERNEL_A_POLICY_HOOKS, /* u32 */
	__VKERNEL_A_POLICY_MAX
};
#define VKERNEL_A_POLICY_MAX (__VKERNEL_A_POLICY_MAX - 1)

enum vkernel_mode {
	VKERNEL_MODE_ENFORCE,
	VKERNEL_MODE_AUDIT, /* report what would be refused, let it pass */
};

enum vkernel_state {
	VKERNEL_STATE_PENDING, /* bound; its init has not executed the program yet */
	VKERNEL_STATE_ACTIVE,
	VKERNEL_STATE_EXITED, /* its init is gone, other tasks may carry it still */
};

/* How tasks that enter later are recognised at execve. */
enum vkernel_scope {
	VKERNEL_SCOPE_NONE, /* by nothing: only what its tasks fork belongs to it */
	VKERNEL_SCOPE_CGROUP,
	VKERNEL_SCOPE_PIDNS,
	VKERNEL_SCOPE_BOTH, /* one or the other */
};

/* What becomes of a task that uses a capability which its container was not given. */
enum vkernel_claim {
	VKERNEL_CLAIM_REFUSE,
	VKERNEL_CLAIM_KILL,
};

enum vkernel_instance {
	VKERNEL_A_INSTANCE_ID = 1, /* u32 */
	VKERNEL_A_INSTANCE_CONTAINER, /* string, up to VKERNEL_CONTAINER_MAX */
	VKERNEL_A_INSTANCE_DIGEST, /* binary, 32 bytes */
	VKERNEL_A_INSTANCE_PID, /* u32: the init's thread group, in the initial pid namespace */
	VKERNEL_A_INSTANCE_STATE, /* u32: enum vkernel_state */
	VKERNEL_A_INSTANCE_MODE, /* u32: enum vkernel_mode */
	VKERNEL_A_INSTANCE_SCOPE, /* u32: enum vkernel_scope */
	VKERNEL_A_INSTANCE_CHECKED, /* u64: calls whose entry was not plain "allow" */
	VKERNEL_A_INSTANCE_DENIED, /* u64: calls refused, or that audit mode would have */
	VKERNEL_A_INSTANCE_DROPPED, /* u64: events not sent because of the rate limit */
	VKERNEL_A_INSTANCE_PAD,
	VKERNEL_A_INSTANCE_CAPABILITIES, /* u64: what its tasks may use, by bit; all if not given */
	VKERNEL_A_INSTANCE_ON_CLAIM, /* u32: enum vkernel_claim */
	VKERNEL_A_INSTANCE_CLAIMS, /* u64: uses of capabilities that it does not have */
	VKERNEL_A_INSTANCE_REFUSED, /* binary: a u64 for each enum vk_class, operations refused */
	__VKERNEL_A_INSTANCE_MAX
};
#define VKERNEL_A_INSTANCE_MAX (__VKERNEL_A_INSTANCE_MAX - 1)

enum vkernel_call {
	VKERNEL_A_CALL_INSTANCE = 1, /* u32: which instance, in the request */
	VKERNEL_A_CALL_TABLE, /* u32: enum vk_table */
	VKERNEL_A_CALL_NR, /* u32 */
	VKERNEL_A_CALL_DENIED, /* u64 */
	VKERNEL_A_CALL_PAD,
	__VKERNEL_A_CALL_MAX
};
#define VKERNEL_A_CALL_MAX (__VKERNEL_A_CALL_MAX - 1)

enum vkernel_event_kind {
	VKERNEL_EVENT_BIND,
	VKERNEL_EVENT_ACTIVATE,
	VKERNEL_EVENT_JOIN, /* a task entered the container later */
	VKERNEL_EVENT_EXIT, /* the init is gone; status: its wait status */
	VKERNEL_EVENT_RELEASE, /* the last task is gone and the id is free */
	VKERNEL_EVENT_DENIED,
	VKERNEL_EVENT_CAPABILITY, /* a task claimed one that its container was not given */
	VKERNEL_EVENT_REFUSED, /* a confinement does not permit an operation */
	VKERNEL_EVENT_AUDITED, /* it does, and asks to report it */
	VKERNEL_EVENT_POLICY, /* the instance has another policy from now on */
};

/* What a confinement was asked about. */
enum vkernel_operation {
	VKERNEL_OP_OPEN,
	VKERNEL_OP_EXEC,
	VKERNEL_OP_MMAP,
	VKERNEL_OP_LOCK,
	VKERNEL_OP_RECEIVE, /* a file that another task sent */
	VKERNEL_OP_TRUNCATE,
	VKERNEL_OP_CHMOD,
	VKERNEL_OP_CHOWN,
	VKERNEL_OP_MKNOD, /* creating a file, too */
	VKERNEL_OP_MKDIR,
	VKERNEL_OP_SYMLINK,
	VKERNEL_OP_LINK,
	VKERNEL_OP_UNLINK,
	VKERNEL_OP_RMDIR,
	VKERNEL_OP_RENAME,
	VKERNEL_OP_CAPABLE,
	VKERNEL_OP_SOCKET,
	VKERNEL_OP_MOUNT,
	VKERNEL_OP_UMOUNT,
	VKERNEL_OP_PIVOT_ROOT,
	VKERNEL_OP_SIGNAL,
	VKERNEL_OP_PTRACE,
	VKERNEL_OP_RLIMIT,
	VKERNEL_NR_OPS
};

enum vkernel_event {
	VKERNEL_A_EVENT_KIND = 1, /* u32: enum vkernel_event_kind */
	VKERNEL_A_EVENT_INSTANCE, /* u32 */
	VKERNEL_A_EVENT_CONTAINER, /* string */
	VKERNEL_A_EVENT_DIGEST, /* binary, 32 bytes */
	VKERNEL_A_EVENT_PID, /* u32: thread group, in the initial pid namespace */
	VKERNEL_A_EVENT_TID, /* u32 */
	VKERNEL_A_EVENT_COMM, /* string */
	VKERNEL_A_EVENT_STATUS, /* u32 */
	VKERNEL_A_EVENT_MODE, /* u32: enum vkernel_mode, of denied */
	VKERNEL_A_EVENT_TABLE, /* u32: enum vk_table */
	VKERNEL_A_EVENT_NR, /* u32 */
	VKERNEL_A_EVENT_VERDICT, /* u32: VK_VERDICT() */
	VKERNEL_A_EVENT_ARGS, /* binary, six u64 */
	VKERNEL_A_EVENT_DROPPED, /* u64: of this instance, since its event before */
	VKERNEL_A_EVENT_PAD,
	VKERNEL_A_EVENT_CAPABILITY, /* u32 */
	VKERNEL_A_EVENT_CLASS, /* u32: enum vk_class, of refused and audited */
	VKERNEL_A_EVENT_OPERATION, /* u32: enum vkernel_operation */
	VKERNEL_A_EVENT_REQUESTED, /* u32: permissions, VK_MAY_* of the class */
	VKERNEL_A_EVENT_MISSING, /* u32: those that are not permitted */
	VKERNEL_A_EVENT_PATH, /* string: of the file or mount point */
	VKERNEL_A_EVENT_TARGET, /* string: a link's target, a mount's source, a peer's label */
	VKERNEL_A_EVENT_FAMILY, /* u32: of a socket */
	VKERNEL_A_EVENT_TYPE, /* u32: of a socket */
	VKERNEL_A_EVENT_SIGNAL, /* u32 */
	VKERNEL_A_EVENT_RESOURCE, /* u32: RLIMIT_* */
	VKERNEL_A_EVENT_LABEL, /* string: the confinement that decided */
	__VKERNEL_A_EVENT_MAX
};
#define VKERNEL_A_EVENT_MAX (__VKERNEL_A_EVENT_MAX - 1)

#endif
