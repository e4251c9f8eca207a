// SPDX-License-Identifier: GPL-2.0-only
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <net/genetlink.h>

#include "confine.h"
#include "event.h"
#include "genl.h"
#include "instance.h"
#include "path.h"

/* Events a second, instance and kind. */
#define VK_EVENT_BURST 20

/* Of paths and other texts; what is longer is cut. */
#define VK_EVENT_TEXT 1024

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

static int vk_put_capability(struct sk_buff *skb, const struct vk_event *event, u64 dropped)
{
	return nla_put_u32(skb, VKERNEL_A_EVENT_MODE, event->mode) ?:
	       nla_put_u32(skb, VKERNEL_A_EVENT_CAPABILITY, event->capability) ?:
	       nla_put_u64_64bit(skb, VKERNEL_A_EVENT_DROPPED, dropped, VKERNEL_A_EVENT_PAD);
}

/* Without memory the event goes without the path. */
static int vk_put_path(struct sk_buff *skb, int attr, const struct vk_name *name)
{
	char *buffer = kmalloc(VK_EVENT_TEXT, GFP_NOWAIT | __GFP_NOWARN);
	int err;

	if (!buffer)
		return 0;
	vk_path_print(name, buffer, VK_EVENT_TEXT);
	err = nla_put_string(skb, attr, buffer);
	kfree(buffer);
	return err;
}

static int vk_put_text(struct sk_buff *skb, int attr, const char *text)
{
	size_t size = strnlen(text, VK_EVENT_TEXT - 1);
	struct nlattr *nla = nla_reserve(skb, attr, size + 1);

	if (!nla)
		return -EMSGSIZE;
	memcpy(nla_data(nla), text, size);
	((char *)nla_data(nla))[size] = '\0';
	return 0;
}

static int vk_put_target(struct sk_buff *skb, const struct vk_operation *operation)
{
	if (operation->target_name)
		return vk_put_path(skb, VKERNEL_A_EVENT_TARGET, operation->target_name);
	if (operation->target)
		return vk_put_text(skb, VKERNEL_A_EVENT_TARGET, operation->target);
	return 0;
}

static int vk_put_object(struct sk_buff *skb, const struct vk_operation *operation)
{
	switch (operation->class) {
	case VK_CLASS_NETWORK:
		return nla_put_u32(skb, VKERNEL_A_EVENT_FAMILY, operation->family) ?:
		       nla_put_u32(skb, VKERNEL_A_EVENT_TYPE, operation->type);
	case VK_CLASS_SIGNAL:
		return nla_put_u32(skb, VKERNEL_A_EVENT_SIGNAL, operation->number);
	case VK_CLASS_RLIMIT:
		return nla_put_u32(skb, VKERNEL_A_EVENT_RESOURCE, operation->number);
	case VK_CLASS_CAPABILITY:
		return nla_put_u32(skb, VKERNEL_A_EVENT_CAPABILITY, operation->number);
	default:
		return 0;
	}
}

static int vk_put_operation(struct sk_buff *skb, const struct vk_event *event, u64 dropped)
{
	const struct vk_operation *operation = event->operation;
	int err = nla_put_u32(skb, VKERNEL_A_EVENT_MODE, event->mode) ?:
		  nla_put_u32(skb, VKERNEL_A_EVENT_CLASS, operation->class) ?:
		  nla_put_u32(skb, VKERNEL_A_EVENT_OPERATION, operation->kind) ?:
		  nla_put_u32(skb, VKERNEL_A_EVENT_REQUESTED, operation->requested) ?:
		  nla_put_u32(skb, VKERNEL_A_EVENT_MISSING, event->missing) ?:
		  vk_put_text(skb, VKERNEL_A_EVENT_LABEL, event->label) ?:
		  nla_put_u64_64bit(skb, VKERNEL_A_EVENT_DROPPED, dropped,
				    VKERNEL_A_EVENT_PAD);

	if (!err && operation->name)
		err = vk_put_path(skb, VKERNEL_A_EVENT_PATH, operation->name);
	return err ?: vk_put_target(skb, operation) ?: vk_put_object(skb, operation);
}

static bool vk_is_operation(enum vkernel_event_kind kind)
{
	return kind == VKERNEL_EVENT_REFUSED || kind == VKERNEL_EVENT_AUDITED;
}

/* Whether who runs the container decides how many there are. */
static bool vk_is_limited(enum vkernel_event_kind kind)
{
	return kind >= VKERNEL_EVENT_DENIED && kind != VKERNEL_EVENT_POLICY;
}

static int vk_put_digest(struct sk_buff *skb, const struct vk_instance *instance)
{
	int err;

	rcu_read_lock();
	err = nla_put(skb, VKERNEL_A_EVENT_DIGEST, VK_DIGEST_SIZE,
		      vk_instance_policy(instance)->digest);
	rcu_read_unlock();
	return err;
}

static int vk_put_event(struct sk_buff *skb, const struct vk_instance *instance,
			struct task_struct *task, const struct vk_event *event, u64 dropped)
{
	int err = nla_put_u32(skb, VKERNEL_A_EVENT_KIND, event->kind) ?:
		  nla_put_u32(skb, VKERNEL_A_EVENT_INSTANCE, instance->id) ?:
		  nla_put_string(skb, VKERNEL_A_EVENT_CONTAINER, instance->container) ?:
		  vk_put_digest(skb, instance);

	if (!err && task)
		err = vk_put_task(skb, task);
	if (!err && event->kind == VKERNEL_EVENT_EXIT)
		err = nla_put_u32(skb, VKERNEL_A_EVENT_STATUS, event->status);
	if (!err && event->kind == VKERNEL_EVENT_DENIED)
		err = vk_put_denied(skb, event, dropped);
	if (!err && event->kind == VKERNEL_EVENT_CAPABILITY)
		err = vk_put_capability(skb, event, dropped);
	if (!err && vk_is_operation(event->kind))
		err = vk_put_operation(skb, event, dropped);
	return err;
}

/* What is cheap to cause must not take the place of what is not. */
static struct vk_limit *vk_limit_of(struct vk_instance *instance, enum vkernel_event_kind kind)
{
	if (vk_is_operation(kind))
		return &instance->refused_limit;
	return kind == VKERNEL_EVENT_DENIED ? &instance->denied_limit : &instance->claim_limit;
}

bool vk_event_over_limit(struct vk_instance *instance, enum vkernel_event_kind kind)
{
	struct vk_limit *limit = vk_limit_of(instance, kind);

	/* A second that ends right now may let one through, or hold one back. */
	if (atomic_read(&limit->left) || time_after_eq(jiffies, READ_ONCE(limit->end)))
		return false;
	atomic64_inc(&instance->dropped);
	return true;
}

/* Takes one of those that may be sent in this second. */
static bool vk_event_take(struct vk_instance *instance, enum vkernel_event_kind kind)
{
	struct vk_limit *limit = vk_limit_of(instance, kind);
	unsigned long end = READ_ONCE(limit->end);

	if (time_after_eq(jiffies, end) && try_cmpxchg(&limit->end, &end, jiffies + HZ))
		atomic_set(&limit->left, VK_EVENT_BURST);
	if (atomic_dec_if_positive(&limit->left) >= 0)
		return true;
	atomic64_inc(&instance->dropped);
	return false;
}

static u64 vk_event_untold(struct vk_instance *instance)
{
	s64 dropped = atomic64_read(&instance->dropped), told = READ_ONCE(instance->told);

	/* Of two at once, the later one may have read the smaller number. */
	do {
		if (dropped <= told)
			return 0;
	} while (!try_cmpxchg(&instance->told, &told, dropped));
	return dropped - told;
}

void vk_event_send(struct vk_instance *instance, struct task_struct *task,
		   const struct vk_event *event)
{
	struct sk_buff *skb;
	u64 dropped = 0;
	void *header;

	if (!vk_genl_has_listeners())
		return;
	/* Netlink's taps may let softirqs run. */
	if (irqs_disabled()) {
		atomic64_inc(&instance->dropped);
		return;
	}
	if (vk_is_limited(event->kind)) {
		if (!vk_event_take(instance, event->kind))
			return;
		dropped = vk_event_untold(instance);
	}
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
