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

#include <linux/bitmap.h>
#include <linux/types.h>

#include "identity.h"

struct task_struct;
struct vk_instance;

/* Lets the instance be found by its thread group: from now on it can be activated. */
void vk_entry_open(struct vk_instance *instance);

/*
 * Ends an instance that no program runs on yet, and takes the mark off its tasks. False if one
 * does, or did.
 */
bool vk_entry_withdraw(struct vk_instance *instance);

/* Whether tasks that are neither marked nor forked by one can still come to carry the id. */
bool vk_entry_ended(const struct vk_instance *instance);

/*
 * For an instance that ended: if no task carries its id, makes sure that none ever will, and says
 * so. @carried is what vk_entry_scan() found, in the same section of vk_entry_lock().
 */
bool vk_entry_retire(struct vk_instance *instance, const unsigned long *carried);

void vk_entry_lock(void);
void vk_entry_unlock(void);

/* Sets the bits of all ids that tasks carry, pending ones too. */
void vk_entry_scan(unsigned long *carried);

/* Probes; they run with preemption off. */
void vk_entry_executed(void *data, struct task_struct *task);
void vk_entry_exited(void *data, struct task_struct *task);
void vk_entry_freed(void *data, struct task_struct *task);

#endif
