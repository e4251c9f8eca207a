/* SPDX-License-Identifier: GPL-2.0-only */
/* What follows from the answer of a confinement. */
#ifndef _VK_CONFINE_RESULT_H
#define _VK_CONFINE_RESULT_H

#include <linux/types.h>

#include <vkernel/confine.h>

#include "vkernel_genl.h"

struct vk_instance;
struct vk_name;

/* What a task of a container is about to do. */
struct vk_operation {
	enum vk_class class;
	enum vkernel_operation kind;
	u32 requested; /* permissions */
	int error; /* of a refusal, negative */
	bool silent; /* neither counted nor reported */
	/* For people, as far as the kind has it. */
	const struct vk_name *name;
	const struct vk_name *target_name;
	const char *target;
	u32 family, type; /* of a socket */
	u32 number; /* signal, resource, capability */
};

/* A confinement's answer: permissions. */
struct vk_answer {
	u32 missing; /* of those requested */
	u32 audited; /* of the others: to be reported */
	u32 quiet; /* of the missing ones: not to be reported */
};

/**
 * vk_confine - what an operation comes to
 *
 * Under rcu_read_lock(). Does not sleep. Counts and reports what is to be.
 *
 * Return: 0 if it may go on: it is permitted, or the instance or the confinement only watches; else
 * the operation's error.
 */
int vk_confine(struct vk_instance *instance, const struct vk_confinement *confinement,
	       const struct vk_operation *operation, const struct vk_answer *answer);

/* The confinements of the instance's policy that rule a class; under rcu_read_lock(). */
#define vk_for_each_ruling(c, policy, class)       \
	vk_for_each_confinement((c), (policy))     \
		if (!((c)->mediates & VK_CLASS_BIT(class))) \
			;                          \
		else

#endif
