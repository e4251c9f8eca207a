// SPDX-License-Identifier: GPL-2.0-only
#include <linux/sched.h>
#include <net/genetlink.h>

#include "event.h"
#include "genl.h"
#include "instance.h"

static int vk_put_task(struct sk_buff *skb, struct task_struct *task)
{
	return nla_put_u32(skb, VKERNEL_A_EVENT_PID, task_tgid_nr(task)) ?:
	       nla_put_u32(skb, VKERNEL_A_EVENT_TID, task_pid_nr(task)) ?:
	       nla_put_string(skb, VKERNEL_A_EVENT_COMM, task->comm);
}

static int vk_put_denied(struct sk_buff *skb, const struct vk_event *event, u64 dropped)
{
	return nla_put_u32(skb, VKERNEL_A_EVENT_MODE, event->mode) ?:
	       nla_put_u32(skb, VKERNEL_A_EVENT_TABLE, event->table) ?:
	       nla_put_u32(skb, VKERNEL_A_EVENT_NR, event->nr) ?:
	       nla_put_u32(skb, VKERNEL_A_EVENT_VERDICT, event->verdict) ?:
	       nla_put(skb, VKERNEL_A_EVENT_ARGS, sizeof(event->args), event->args) ?:
	       nla_put_u64_64bit(skb, VKERNEL_A_EVENT_DROPPED, dropped, VKERNEL_A_EVENT_PAD);
}

static int vk_put_event(struct sk_buff *skb, const struct vk_instance *instance,
			struct task_struct *task, const struct vk_event *event, u64 dropped)
{
	int err = nla_put_u32(skb, VKERNEL_A_EVENT_KIND, event->kind) ?:
		  nla_put_u32(skb, VKERNEL_A_EVENT_INSTANCE, instance->id) ?:
		  nla_put_string(skb, VKERNEL_A_EVENT_CONTAINER, instance->container) ?:
		  nla_put(skb, VKERNEL_A_EVENT_DIGEST, VK_DIGEST_SIZE, instance->policy->digest);

	if (!err && task)
		err = vk_put_task(skb, task);
	if (!err && event->kind == VKERNEL_EVENT_EXIT)
		err = nla_put_u32(skb, VKERNEL_A_EVENT_STATUS, event->status);
	if (!err && event->kind == VKERNEL_EVENT_DENIED)
		err = vk_put_denied(skb, event, dropped);
	return err;
}

/* Whether this denial is over the limit, and if not, how many before it were. */
static bool vk_limited(struct vk_instance *instance, u64 *dropped)
{
	if (!__ratelimit(&instance->limit)) {
		atomic64_inc(&instance->dropped);
		atomic_inc(&instance->unreported);
		return true;
	}
	*dropped = atomic_xchg(&instance->unreported, 0);
	return false;
}

void vk_event_send(struct vk_instance *instance, struct task_struct *task,
		   const struct vk_event *event)
{
	struct sk_buff *skb;
	u64 dropped = 0;
	void *header;

	if (!vk_genl_has_listeners())
		return;
	if (event->kind == VKERNEL_EVENT_DENIED && vk_limited(instance, &dropped))
		return;
	skb = genlmsg_new(NLMSG_GOODSIZE, GFP_NOWAIT | __GFP_NOWARN);
	if (!skb)
		return;
	header = vk_genl_put(skb, VKERNEL_CMD_EVENT);
	if (!header || vk_put_event(skb, instance, task, event, dropped)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, header);
	vk_genl_multicast(skb);
}

void vk_event_lifecycle(struct vk_instance *instance, enum vkernel_event_kind kind,
			struct task_struct *task, u32 status)
{
	struct vk_event event = { .kind = kind, .status = status };

	vk_event_send(instance, task, &event);
}
