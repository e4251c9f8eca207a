/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A second look at each capability that a contained task uses: what its container was not given is
 * refused, whatever the task's credentials claim by now.
 */
#ifndef _VK_CAPABILITY_H
#define _VK_CAPABILITY_H

#include <linux/linkage.h>
#include <linux/types.h>

struct cred;
struct user_namespace;
struct vk_hook_set;
struct vk_instance;

/* Finds the function; without it the core does without the second look. */
void vk_capability_find(void);

bool vk_capability_available(void);

/* Hooks it, for vk_hooks_release(); a set of none where it is not available. */
struct vk_hook_set *vk_capability_hook(void);

/*
 * Whether credentials are a container's: the task's own, those that its tasks keep elsewhere (as
 * io_uring does), or of a user namespace that they made. What a file system acts by is whose who
 * mounted it.
 */
bool vk_capability_is_of(const struct vk_instance *instance, const struct cred *cred);

/* trampoline.S; not to be called from C */
asmlinkage void vk_capability_trampoline(void);
asmlinkage void vk_capability_detour(void);

/* For the detour: where the function goes on. */
extern unsigned long vk_capability_body;

/*
 * For the trampoline: @cred is of another user namespace than the instance, or has a capability in
 * its effective set that the instance was not given. Does not sleep.
 *
 * Return: 0 to go on with the function, else the error to answer in its place.
 */
asmlinkage int vk_capability_claimed(const struct cred *cred, const struct user_namespace *target,
				     int cap, unsigned int options);

#endif
