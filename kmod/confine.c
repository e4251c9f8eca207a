// SPDX-License-Identifier: GPL-2.0-only
#include <linux/sched/signal.h>

#include "confine.h"
#include "event.h"
#include "instance.h"

/* What was only watched reads like a refusal of audit mode, whoever asked for no more. */
static u8 vk_confine_mode(const struct vk_instance *instance,
			  const struct vk_confinement *confinement)
{
	if (confinement->flags & VK_CONFINE_COMPLAIN)
		return VKERNEL_MODE_AUDIT;
	return READ_ONCE(instance->mode);
}

static noinline void vk_confine_report(struct vk_instance *instance, enum vkernel_event_kind kind,
				       const struct vk_confinement *confinement,
				       const struct vk_operation *operation, u32 missing)
{
	if (vk_event_over_limit(instance, kind))
		return;
	vk_event_send(instance, current,
		      &(struct vk_event){ .kind = kind,
					  .mode = vk_confine_mode(instance, confinement),
					  .operation = operation,
					  .missing = missing,
					  .label = vk_confinement_label(confinement) });
}

static noinline int vk_confine_refuse(struct vk_instance *instance,
				      const struct vk_confinement *confinement,
				      const struct vk_operation *operation,
				      const struct vk_answer *answer)
{
	const bool watched = vk_confine_mode(instance, confinement) == VKERNEL_MODE_AUDIT;

	if (operation->silent)
		return watched ? 0 : operation->error;
	atomic64_inc(&instance->refused[operation->class]);
	if (answer->missing & ~answer->quiet)
		vk_confine_report(instance, VKERNEL_EVENT_REFUSED, confinement, operation,
				  answer->missing);
	if (watched)
		return 0;
	if (confinement->flags & VK_CONFINE_KILL)
		send_sig(SIGKILL, current, 1);
	return operation->error;
}

int vk_confine(struct vk_instance *instance, const struct vk_confinement *confinement,
	       const struct vk_operation *operation, const struct vk_answer *answer)
{
	if (answer->missing)
		return vk_confine_refuse(instance, confinement, operation, answer);
	if (answer->audited && !operation->silent)
		vk_confine_report(instance, VKERNEL_EVENT_AUDITED, confinement, operation, 0);
	return 0;
}
