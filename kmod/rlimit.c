// SPDX-License-Identifier: GPL-2.0-only
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/resource.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "confine.h"
#include "instance.h"
#include "policy.h"
#include "rlimit.h"
#include "symbol.h"

static bool vk_limits(const struct vk_confinement *c, unsigned int resource)
{
	return resource < VK_NR_RLIMITS && c->rlimits_set >> resource & 1;
}

int vk_task_setrlimit(struct task_struct *task, unsigned int resource, struct rlimit *limit, long d,
		      long e, struct vk_instance *instance)
{
	const struct vk_operation operation = {
		.class = VK_CLASS_RLIMIT,
		.kind = VKERNEL_OP_RLIMIT,
		.requested = 1,
		.error = -EACCES,
		.number = resource,
	};
	const struct vk_answer over = { .missing = 1 };
	const struct vk_confinement *c;
	const struct vk_policy *policy;
	int err = 0;

	rcu_read_lock();
	policy = vk_instance_policy(instance);
	vk_for_each_ruling(c, policy, VK_CLASS_RLIMIT) {
		if (vk_limits(c, resource) && limit->rlim_max > c->rlimits[resource])
			err = vk_confine(instance, c, &operation, &over);
		if (err)
			break;
	}
	rcu_read_unlock();
	return err;
}

static void vk_limit_to(struct rlimit *limit, u64 most)
{
	limit->rlim_max = min_t(u64, limit->rlim_max, most);
	limit->rlim_cur = min(limit->rlim_cur, limit->rlim_max);
}

void vk_rlimit_enter(struct task_struct *task, struct vk_instance *instance)
{
	const struct vk_confinement *c;
	const struct vk_policy *policy;
	unsigned long cpu = RLIM_INFINITY;
	unsigned int i;

	if (READ_ONCE(instance->mode) == VKERNEL_MODE_AUDIT)
		return;
	rcu_read_lock();
	policy = vk_instance_policy(instance);
	if (policy->mediates & VK_CLASS_BIT(VK_CLASS_RLIMIT)) {
		task_lock(task->group_leader);
		vk_for_each_ruling(c, policy, VK_CLASS_RLIMIT)
			for (i = 0; i < RLIM_NLIMITS; i++)
				if (vk_limits(c, i) && !(c->flags & VK_CONFINE_COMPLAIN))
					vk_limit_to(&task->signal->rlim[i], c->rlimits[i]);
		cpu = task->signal->rlim[RLIMIT_CPU].rlim_cur;
		task_unlock(task->group_leader);
	}
	rcu_read_unlock();
	/* It is a timer's to hold. */
	if (cpu != RLIM_INFINITY)
		static_call_cond(vk_update_rlimit_cpu)(task, cpu);
}
