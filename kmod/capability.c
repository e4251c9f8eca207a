// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cred.h>
#include <linux/ftrace.h>
#include <linux/printk.h>
#include <linux/sched/signal.h>
#include <linux/security.h>
#include <linux/user_namespace.h>

#include "capability.h"
#include "confine.h"
#include "event.h"
#include "hook.h"
#include "instance.h"
#include "symbol.h"

static unsigned long notrace vk_capability_detoured(unsigned long addr)
{
	return (unsigned long)vk_capability_detour;
}

static const struct vk_way vk_capability_way = {
	.trampoline = vk_capability_trampoline,
	.detour = vk_capability_detoured,
};

/* Where ftrace patches cap_capable(), or 0. */
static unsigned long vk_capability_entry __ro_after_init;
unsigned long vk_capability_body __ro_after_init;

void __init vk_capability_find(void)
{
	unsigned long addr = vk_symbol_address("cap_capable");

	vk_capability_entry = addr ? static_call(vk_ftrace_location)(addr) : 0;
	if (vk_capability_entry)
		vk_capability_body = vk_capability_entry + MCOUNT_INSN_SIZE;
	else
		pr_notice("cap_capable can not be hooked: no second look at capabilities\n");
}

bool vk_capability_available(void)
{
	return vk_capability_entry;
}

struct vk_hook_set *vk_capability_hook(void)
{
	return vk_hooks_acquire(&vk_capability_way, &vk_capability_entry,
				vk_capability_available());
}

/* Whether the container made @ns itself: whoever makes one has every capability in it. */
static bool vk_inside(const struct user_namespace *ns, const struct user_namespace *container)
{
	if (ns->level <= container->level)
		return false;
	while (ns->level > container->level)
		ns = ns->parent;
	return ns == container;
}

/*
 * The kernel checks credentials other than the task's: of who opened a file, of who mounted an
 * overlay and for which it acts for a while. These are not the container's to tamper with.
 */
static bool vk_is_own(const struct cred *cred)
{
	return cred == current_cred() && cred == current_real_cred();
}

/* A set that has all there are can not tell a container's from the host's. */
static bool vk_is_bounded(const struct vk_instance *instance, const struct cred *cred)
{
	const u64 all = BIT_ULL(CAP_LAST_CAP + 1) - 1;
	int cap;

	if (!(~instance->given & all))
		return false;
	for (cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (cap_raised(cred->cap_bset, cap) && !(instance->given >> cap & 1))
			return false;
	return true;
}

/* access(2) acts under a copy of its own, which nothing else has and no grace period is kept for. */
static bool vk_is_for_access(const struct cred *cred)
{
	return READ_ONCE(cred->non_rcu);
}

bool vk_capability_is_of(const struct vk_instance *instance, const struct cred *cred)
{
	if (vk_is_own(cred) || vk_inside(cred->user_ns, instance->user_ns))
		return true;
	return cred->user_ns == instance->user_ns &&
	       (vk_is_bounded(instance, cred) || vk_is_for_access(cred));
}

static void vk_report_claim(struct vk_instance *instance, int cap, u8 mode)
{
	atomic64_inc(&instance->claims);
	/* This one netlink asks about itself, for listeners, while it sends an event. */
	if (cap == CAP_NET_BROADCAST ||
	    vk_event_over_limit(instance, VKERNEL_EVENT_CAPABILITY))
		return;
	vk_event_send(instance, current,
		      &(struct vk_event){ .kind = VKERNEL_EVENT_CAPABILITY,
					  .mode = mode,
					  .capability = cap });
}

/*
 * Whether the task claims what its container has not. In a user namespace other than the container's
 * and those within, no claim is right: no process comes there but by an exploit, or from outside.
 */
static bool vk_is_claim(const struct vk_instance *instance, const struct cred *cred, int cap)
{
	if (vk_inside(cred->user_ns, instance->user_ns))
		return false;
	return cap_raised(cred->cap_effective, cap) &&
	       (cred->user_ns != instance->user_ns || !(instance->given >> cap & 1));
}

static int vk_refuse_claim(struct vk_instance *instance, int cap)
{
	u8 mode = READ_ONCE(instance->mode);

	vk_report_claim(instance, cap, mode);
	if (mode == VKERNEL_MODE_AUDIT)
		return 0;
	if (instance->on_claim == VKERNEL_CLAIM_KILL)
		send_sig(SIGKILL, current, 1);
	return -EPERM;
}

/*
 * What the container was given and its policy does not permit, or wants to be told of. A question
 * without consequences is answered, and no more.
 */
static int vk_ask_policy(struct vk_instance *instance, int cap, unsigned int options)
{
	const struct vk_operation operation = {
		.class = VK_CLASS_CAPABILITY,
		.kind = VKERNEL_OP_CAPABLE,
		.requested = 1,
		.error = -EPERM,
		.number = cap,
		.silent = options & CAP_OPT_NOAUDIT,
	};
	const struct vk_policy *policy = vk_instance_policy(instance);
	const struct vk_confinement *c;
	int err = 0;

	vk_for_each_ruling(c, policy, VK_CLASS_CAPABILITY) {
		const struct vk_answer answer = {
			.missing = !(c->capabilities >> cap & 1),
			.audited = c->capabilities_audit >> cap & 1,
			/* As above: asked about for listeners while an event is sent. */
			.quiet = cap == CAP_NET_BROADCAST || c->capabilities_quiet >> cap & 1,
		};

		err = vk_confine(instance, c, &operation, &answer);
		if (err)
			break;
	}
	return err;
}

/* Whether the capability would be used: in its own namespace, or as the maker of one below. */
static bool vk_would_use(const struct cred *cred, const struct user_namespace *target, int cap)
{
	if (target == cred->user_ns)
		return cap_raised(cred->cap_effective, cap);
	return target->level > cred->user_ns->level;
}

asmlinkage int vk_capability_claimed(const struct cred *cred, const struct user_namespace *target,
				     int cap, unsigned int options)
{
	struct vk_instance *instance;
	int err = 0;

	/* Of a task that has left the list of tasks the instance may go right now. */
	rcu_read_lock();
	instance = READ_ONCE(vk_instances[vk_task_id(current)]);
	if (instance && vk_is_own(cred) && vk_is_claim(instance, cred, cap))
		err = vk_refuse_claim(instance, cap);
	if (!err && instance && vk_capability_is_of(instance, cred) &&
	    vk_would_use(cred, target, cap))
		err = vk_ask_policy(instance, cap, options);
	rcu_read_unlock();
	return err;
}
