// SPDX-License-Identifier: GPL-2.0-only
#include <linux/errno.h>
#include <linux/nospec.h>
#include <linux/ptrace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "confine.h"
#include "identity.h"
#include "instance.h"
#include "policy.h"
#include "task.h"

/* Who stands on the other side: an instance, or NULL for the host. */
struct vk_party {
	struct vk_instance *instance;
	const struct vk_policy *policy;
};

/* Under rcu_read_lock(). The task may be any, and end right now: an id that nobody has is no one's. */
static struct vk_party vk_party_of(struct task_struct *task)
{
	struct vk_instance *instance = READ_ONCE(vk_instances[vk_task_id(task)]);

	return (struct vk_party){
		.instance = instance,
		.policy = instance ? vk_instance_policy(instance) : NULL,
	};
}

static bool vk_is_confined(const struct vk_policy *policy, enum vk_class class)
{
	return policy && policy->mediates & VK_CLASS_BIT(class);
}

/* What is asked of each confinement of one side about the labels of the other. */
struct vk_relation {
	enum vk_class class;
	int sig;
	u32 permission; /* one bit of VK_MAY_* of the class */
};

static bool vk_peer_permits(const struct vk_peer *peer, const struct vk_relation *relation)
{
	const u64 *signals = relation->permission == VK_MAY_SEND ? peer->send : peer->receive;

	if (relation->class == VK_CLASS_PTRACE)
		return peer->trace & relation->permission;
	return signals[relation->sig / 64] >> relation->sig % 64 & 1;
}

static u32 vk_relation_state(const struct vk_confinement *c, const struct vk_relation *relation,
			     const char *label)
{
	const struct vk_dfa *dfa = vk_confinement_other(c);

	if (relation->class == VK_CLASS_PTRACE)
		return vk_ptrace_state(dfa, label);
	return vk_signal_state(dfa, relation->sig, label);
}

static int vk_label_ask(struct vk_instance *instance, const struct vk_confinement *c,
			const struct vk_relation *relation, const char *label)
{
	const struct vk_operation operation = {
		.class = relation->class,
		.kind = relation->class == VK_CLASS_PTRACE ? VKERNEL_OP_PTRACE : VKERNEL_OP_SIGNAL,
		.requested = relation->permission,
		.error = -EACCES,
		.target = label,
		.number = relation->sig,
	};
	u32 state = vk_relation_state(c, relation, label), accept = 0, accept2 = 0;
	struct vk_answer answer;

	/* Without an automaton there is no state. */
	if (state) {
		accept = vk_confinement_other(c)->states[state].accept;
		accept2 = vk_confinement_other(c)->states[state].accept2;
	}
	answer.missing = relation->permission & ~accept;
	answer.audited = relation->permission & accept2;
	answer.quiet = accept2 >> VK_QUIET_SHIFT & VK_MAY_MASK;
	return vk_confine(instance, c, &operation, &answer);
}

/* Those that a policy gives its tasks. */
#define vk_for_each_named(c, policy)                \
	vk_for_each_confinement((c), (policy))      \
		if ((c)->flags & VK_CONFINE_UNNAMED) \
			;                           \
		else

static bool vk_is_named(const struct vk_policy *policy)
{
	const struct vk_confinement *c;

	if (!policy)
		return false;
	vk_for_each_named(c, policy)
		return true;
	return false;
}

/* Of all labels of the other side. */
static int vk_labels_ask(struct vk_instance *instance, const struct vk_confinement *c,
			 const struct vk_relation *relation, const struct vk_policy *other)
{
	const struct vk_confinement *peer;
	int err = 0;

	if (!vk_is_named(other)) {
		if (vk_peer_permits(&c->host, relation) && !(c->flags & VK_CONFINE_AUDITS))
			return 0;
		return vk_label_ask(instance, c, relation, VK_LABEL_HOST);
	}
	vk_for_each_named(peer, other) {
		err = vk_label_ask(instance, c, relation, vk_confinement_label(peer));
		if (err)
			break;
	}
	return err;
}

/* Whether one side permits something in relation to the other. */
static int vk_side_ask(const struct vk_party *side, const struct vk_party *other,
		       const struct vk_relation *relation)
{
	const struct vk_confinement *c;
	int err = 0;

	if (!vk_is_confined(side->policy, relation->class))
		return 0;
	vk_for_each_ruling(c, side->policy, relation->class) {
		err = vk_labels_ask(side->instance, c, relation, other->policy);
		if (err)
			break;
	}
	return err;
}

static int vk_kill_ask(struct vk_instance *instance, struct task_struct *task, int sig)
{
	struct vk_relation relation = { .class = VK_CLASS_SIGNAL, .sig = sig };
	struct vk_party sender = { .instance = instance }, receiver;
	int err;

	rcu_read_lock();
	sender.policy = vk_instance_policy(instance);
	receiver = vk_party_of(task);
	relation.permission = VK_MAY_SEND;
	err = vk_side_ask(&sender, &receiver, &relation);
	relation.permission = VK_MAY_RECEIVE;
	if (!err)
		err = vk_side_ask(&receiver, &sender, &relation);
	rcu_read_unlock();
	return err;
}

/*
 * @cred: of somebody else whom the kernel acts for, as it sends what a USB device was asked to,
 * from an interrupt of any task: not asked. The trampoline has found it not to be plain.
 */
int vk_task_kill(struct task_struct *task, struct kernel_siginfo *info, int sig,
		 const struct cred *cred, long e, struct vk_instance *instance)
{
	if (cred || (u32)sig >= VK_NR_SIGNALS)
		return 0;
	return vk_kill_ask(instance, task, array_index_nospec(sig, VK_NR_SIGNALS));
}

static int vk_trace_ask(struct task_struct *tracer, struct task_struct *tracee, bool read)
{
	struct vk_relation relation = { .class = VK_CLASS_PTRACE };
	struct vk_party active, passive;
	int err;

	rcu_read_lock();
	active = vk_party_of(tracer);
	passive = vk_party_of(tracee);
	relation.permission = read ? VK_MAY_TRACE_READ : VK_MAY_TRACE;
	err = vk_side_ask(&active, &passive, &relation);
	relation.permission = read ? VK_MAY_BE_READ : VK_MAY_BE_TRACED;
	/* Whom nobody confines may trace. */
	if (!err && vk_is_named(active.policy))
		err = vk_side_ask(&passive, &active, &relation);
	rcu_read_unlock();
	return err;
}

int vk_ptrace_access_check(struct task_struct *child, unsigned int mode, long c, long d, long e,
			   struct vk_instance *instance)
{
	return vk_trace_ask(current, child, mode & PTRACE_MODE_READ);
}

int vk_ptrace_traceme(struct task_struct *parent, long b, long c, long d, long e,
		      struct vk_instance *instance)
{
	return vk_trace_ask(parent, current, false);
}
