/* SPDX-License-Identifier: GPL-2.0-only */
/* What is told to those who listen to the multicast group. */
#ifndef _VK_EVENT_H
#define _VK_EVENT_H

#include <linux/types.h>

#include <vkernel/policy.h>

#include "vkernel_genl.h"

struct task_struct;
struct vk_instance;
struct vk_operation;

struct vk_event {
	enum vkernel_event_kind kind;
	u32 status; /* exit */
	/* denied */
	enum vk_table table;
	u32 nr;
	u32 verdict;
	u8 mode; /* capability, refused and audited too */
	u64 args[6];
	/* capability */
	u32 capability;
	/* refused, audited */
	const struct vk_operation *operation;
	u32 missing;
	const char *label;
};

/*
 * Denied, refused and capability events are limited for each instance. Never sleeps; an event that finds no memory or no
 * room at a listener is lost. @task: who caused it, or NULL
 */
void vk_event_send(struct vk_instance *instance, struct task_struct *task,
		   const struct vk_event *event);

/*
 * Whether one more event of such a kind would be over the limit; counts it if so. A refusal
 * is cheap by it: what goes into the event need not be gathered.
 */
bool vk_event_over_limit(struct vk_instance *instance, enum vkernel_event_kind kind);

void vk_event_lifecycle(struct vk_instance *instance, enum vkernel_event_kind kind,
			struct task_struct *task, u32 status);

#endif
