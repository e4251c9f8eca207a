/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How tasks come to carry an id, and when none does any more.
 *
 * A bound thread group is pending until it executes the container's program. What it forked before
 * waits for that moment, and activates at its own next execve after it. Tasks that enter the
 * container later are recognised at execve by the container's cgroup (pid namespace on v1).
 */
#ifndef _VK_ENTRY_H
#define _VK_ENTRY_H

#include <linux/list.h>
#include <linux/types.h>

#include "identity.h"

struct task_struct;
struct vk_instance;

/*
 * Marks the thread group of the instance, which from now on can be activated. -ESRCH if the process
 * is gone, -EALREADY if it has an instance: the new one has ended then.
 */
int vk_entry_open(struct vk_instance *instance);

/* Ends an instance whose init runs no program yet, and voids its mark. False if it does, or did. */
bool vk_entry_withdraw(struct vk_instance *instance);

/* Whether its init is gone, or never executed the program. */
bool vk_entry_ended(const struct vk_instance *instance);

/*
 * Moves the instances that ended and whose id no task carries from one list to the other, and makes
 * sure that no task ever will.
 */
void vk_entry_retire(struct list_head *instances, struct list_head *retired);

/* Probes; they do not sleep. */
void vk_entry_executed(void *data, struct task_struct *task);
void vk_entry_exited(void *data, struct task_struct *task);
void vk_entry_freed(void *data, struct task_struct *task);

#endif
