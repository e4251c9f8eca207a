/* SPDX-License-Identifier: GPL-2.0-only */
/* Virtual kernel instances: one for each container. */
#ifndef _VK_INSTANCE_H
#define _VK_INSTANCE_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/percpu-defs.h>
#include <linux/pid.h>
#include <linux/types.h>

#include <vkernel/policy.h>

#include "identity.h"
#include "policy.h"
#include "vkernel_genl.h"

/* Refused calls by number. */
struct vk_denials {
	atomic_t count[VK_NR_CALLS];
};

/* Of one kind of events; event.c's. */
struct vk_limit {
	unsigned long end; /* of the second that is counted, in jiffies */
	atomic_t left; /* events that may yet be sent in it */
};

/* What tasks that enter the container later are recognised by. */
struct vk_scope {
	struct hlist_node node;
	struct vk_instance *instance;
	u64 key; /* cgroup's id or address of the pid namespace */
	u8 kind; /* enum vkernel_scope */
};

/*
 * Alive while any task carries its id, which is why tasks that do may use theirs without a lock.
 * Others hold vk_instances_mutex, or RCU and do not sleep.
 */
struct vk_instance {
	/*
	 * Exchanged as one by vk_instance_set_policy(). It is taken once for each check, under RCU or
	 * where the task does not sleep before it is done with it. One reference.
	 */
	struct vk_image *image;
	/* Capabilities to look at twice: not given, not permitted, or reported; for the trampoline. */
	u64 withheld;
	/* Constant from before the first task carries the id. */
	u64 given; /* capabilities, by the container's configuration */
	struct pid *init; /* thread group of the container's first process; one reference */
	struct user_namespace *user_ns; /* of the init; one reference, from the first entry on */
	u16 id;
	u8 on_claim; /* enum vkernel_claim */

	u8 mode; /* enum vkernel_mode; written under vk_instances_mutex */
	/* entry.c's; written under its lock */
	u8 state; /* enum vkernel_state */
	bool withdrawn; /* ended without having begun */
	bool own_mounts; /* the init has a mount namespace of its own */
	u64 creator_cgroup; /* id; of who made the init */
	u8 scope; /* enum vkernel_scope, or of it */
	struct vk_scope cgroup, pidns;
	struct hlist_node pending_node;

	u64 __percpu *checked;
	struct vk_denials *denials[VK_NR_TABLES]; /* with the first one; set once, by cmpxchg */
	atomic64_t denied;
	atomic64_t claims; /* of capabilities that it does not have */
	atomic64_t dropped; /* events over the limit, in all */
	s64 told; /* of these, how many events told of */
	atomic64_t refused[VK_NR_CLASSES]; /* operations that confinements do not permit */
	struct vk_limit denied_limit, claim_limit, refused_limit;

	struct list_head node; /* in instance.c's list, under vk_instances_mutex */
	struct rcu_head rcu;
	char container[];
};

/* Under RCU, or where the task does not sleep before it is done with it. */
static inline const struct vk_policy *vk_instance_policy(const struct vk_instance *instance)
{
	return READ_ONCE(instance->image)->policy;
}

/* By id; read by the trampoline. Written under vk_instances_mutex. */
extern struct vk_instance *vk_instances[VK_ID_MAX + 1];

/* What a new instance is to be. */
struct vk_binding {
	pid_t pid; /* the process, by its number in the caller's pid namespace */
	const u8 *digest; /* of the policy, which has to be registered */
	const char *container; /* its name, not empty */
	u8 mode; /* enum vkernel_mode */
	u8 on_claim; /* enum vkernel_claim */
	u64 capabilities; /* that it has; by bit */
};

/**
 * vk_instance_bind - make the thread group of a process a container's init to be
 *
 * It and what it forks is pending until it executes the container's program.
 *
 * Return: the id; -ESRCH for a process that is gone; -ENOENT for a policy that is not there;
 * -EEXIST for a container of that name that is bound; -EALREADY for a process that has an
 * instance; -EOPNOTSUPP if the kernel takes x32 calls; -ENOSPC when all ids are in use.
 */
int vk_instance_bind(const struct vk_binding *binding);

/*
 * Takes it back from a process that never executed the program; -EBUSY for one that did, -ENOENT
 * for an id that nobody has, or another container than @container, if that is not NULL: ids are
 * used again.
 */
int vk_instance_unbind(u16 id, const char *container);

int vk_instance_set_mode(u16 id, const char *container, u8 mode);

/*
 * Another policy for an instance, from one check to the next; -ENOENT for an instance or a policy
 * that is not there. Returns when no task looks at the old one any more. May sleep, for long.
 */
int vk_instance_set_policy(u16 id, const char *container, const u8 *digest);

/* Does not sleep. */
void vk_instance_count_denied(struct vk_instance *instance, enum vk_table table, u32 nr);

u64 vk_instance_checked(const struct vk_instance *instance);

u32 vk_instances_count(void);

/*
 * Calls visit() for every instance with an id of at least @first, in order, until it returns
 * non-zero; returns that. visit() may sleep.
 */
int vk_instances_visit(u32 first, int (*visit)(struct vk_instance *instance, void *data),
		       void *data);

/* The same for one; -ENOENT if there is none. */
int vk_instance_visit(u16 id, int (*visit)(struct vk_instance *instance, void *data), void *data);

/* Looks, soon, which of the instances that ended can be released. From any context. */
void vk_instances_reap(void);

/* The module is leaving: nothing is bound, and no probe will reap. */
void vk_instances_exit(void);

#endif
