// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bitmap.h>
#include <linux/cgroup.h>
#include <linux/hashtable.h>
#include <linux/pid_namespace.h>
#include <linux/rculist.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>

#include "entry.h"
#include "event.h"
#include "instance.h"
#include "symbol.h"

/*
 * Guards the two lists below and the state of every instance, and is what makes "no task carries
 * the id" stay true: a task gets an id that it did not inherit only under this lock. Taken in
 * process context alone; tasklist_lock nests inside.
 */
static DEFINE_SPINLOCK(vk_entries_lock);

/* Instances whose init has not executed the program; few, and each for milliseconds. */
static HLIST_HEAD(vk_pending);

/* Active and exited instances by their scope. Readers without the lock only get a hint. */
static DEFINE_HASHTABLE(vk_scopes, 8);

/* Instances that ended and are not released. */
static atomic_t vk_nr_ended = ATOMIC_INIT(0);

void vk_entry_open(struct vk_instance *instance)
{
	spin_lock(&vk_entries_lock);
	instance->state = VKERNEL_STATE_PENDING;
	hlist_add_head_rcu(&instance->pending_node, &vk_pending);
	spin_unlock(&vk_entries_lock);
}

bool vk_entry_ended(const struct vk_instance *instance)
{
	return READ_ONCE(instance->state) == VKERNEL_STATE_EXITED;
}

static void vk_entry_end(struct vk_instance *instance)
{
	lockdep_assert_held(&vk_entries_lock);
	if (instance->state == VKERNEL_STATE_PENDING)
		hlist_del_rcu(&instance->pending_node);
	WRITE_ONCE(instance->state, VKERNEL_STATE_EXITED);
	atomic_inc(&vk_nr_ended);
}

bool vk_entry_withdraw(struct vk_instance *instance)
{
	struct task_struct *process, *thread;
	bool pending;

	spin_lock(&vk_entries_lock);
	pending = instance->state == VKERNEL_STATE_PENDING;
	if (pending) {
		vk_entry_end(instance);
		rcu_read_lock();
		for_each_process_thread(process, thread)
			if (vk_task_pending(thread) == instance->id)
				vk_task_clear_pending(thread);
		rcu_read_unlock();
	}
	spin_unlock(&vk_entries_lock);
	return pending;
}

/*
 * The scope of a container is the cgroup its init executes in, if that is its own: one that the
 * parent shares would draw in tasks of the host.
 */
static void vk_scope_open(struct vk_instance *instance, struct task_struct *init)
{
	struct cgroup *cgroup = task_dfl_cgroup(init);
	struct pid_namespace *pidns = task_active_pid_ns(init);

	lockdep_assert_held(&vk_entries_lock);
	if (cgroup->level > 0 && cgroup != task_dfl_cgroup(rcu_dereference(init->real_parent))) {
		instance->scope = VKERNEL_SCOPE_CGROUP;
		instance->scope_key = cgroup_id(cgroup);
	} else if (pidns != &init_pid_ns) {
		/* The reference to the init's pid keeps the namespace, and so its address. */
		instance->scope = VKERNEL_SCOPE_PIDNS;
		instance->scope_key = (unsigned long)pidns;
	} else {
		instance->scope = VKERNEL_SCOPE_NONE;
		return;
	}
	hash_add_rcu(vk_scopes, &instance->scope_node, instance->scope_key);
}

static struct vk_instance *vk_scope_find(u8 scope, u64 key)
{
	struct vk_instance *instance;

	hash_for_each_possible_rcu(vk_scopes, instance, scope_node, key)
		if (instance->scope == scope && instance->scope_key == key)
			return instance;
	return NULL;
}

/* The innermost instance that the task is inside of. */
static struct vk_instance *vk_scope_of(struct task_struct *task)
{
	struct pid_namespace *pidns;
	struct vk_instance *instance;
	struct cgroup *cgroup;

	if (hash_empty(vk_scopes))
		return NULL;
	for (cgroup = task_dfl_cgroup(task); cgroup; cgroup = cgroup_parent(cgroup)) {
		instance = vk_scope_find(VKERNEL_SCOPE_CGROUP, cgroup_id(cgroup));
		if (instance)
			return instance;
	}
	for (pidns = task_active_pid_ns(task); pidns; pidns = pidns->parent) {
		instance = vk_scope_find(VKERNEL_SCOPE_PIDNS, (unsigned long)pidns);
		if (instance)
			return instance;
	}
	return NULL;
}

static struct vk_instance *vk_pending_of(struct task_struct *task)
{
	struct vk_instance *instance;

	hlist_for_each_entry_rcu(instance, &vk_pending, pending_node)
		if (instance->init == task_tgid(task))
			return instance;
	return NULL;
}

/*
 * Whose program the task has just executed, if it is the first one there: called once as a hint
 * and again under the lock, which then holds for the answer.
 */
static struct vk_instance *vk_entered(struct task_struct *task)
{
	u16 pending = vk_task_pending(task);
	/* Without the lock the mark may be taken off right now, and the instance go. */
	struct vk_instance *instance = pending ? READ_ONCE(vk_instances[pending]) : NULL;

	if (!instance)
		return vk_pending_of(task) ?: vk_scope_of(task);
	if (READ_ONCE(instance->state) == VKERNEL_STATE_PENDING &&
	    instance->init != task_tgid(task))
		return NULL;
	return instance;
}

/* Says what happened, as an event's kind. */
static enum vkernel_event_kind vk_enter(struct vk_instance *instance, struct task_struct *task)
{
	lockdep_assert_held(&vk_entries_lock);
	vk_task_activate(task, instance->id);
	if (instance->state != VKERNEL_STATE_PENDING)
		return VKERNEL_EVENT_JOIN;
	hlist_del_rcu(&instance->pending_node);
	WRITE_ONCE(instance->state, VKERNEL_STATE_ACTIVE);
	vk_scope_open(instance, task);
	return VKERNEL_EVENT_ACTIVATE;
}

void vk_entry_executed(void *data, struct task_struct *task)
{
	struct vk_instance *instance;
	enum vkernel_event_kind kind;

	/* A container inside a container stays on the outer one's kernel. */
	if (vk_task_id(task) || !vk_instances_count())
		return;
	rcu_read_lock();
	if (vk_entered(task)) {
		spin_lock(&vk_entries_lock);
		instance = vk_entered(task);
		if (instance)
			kind = vk_enter(instance, task);
		spin_unlock(&vk_entries_lock);
		if (instance)
			vk_event_lifecycle(instance, kind, task, 0);
	}
	rcu_read_unlock();
}

static struct vk_instance *vk_instance_of(struct task_struct *task)
{
	u16 id = vk_task_id(task) ?: vk_task_pending(task);

	return id ? vk_instances[id] : vk_pending_of(task);
}

static u32 vk_exit_status(struct task_struct *task)
{
	const struct signal_struct *signal = task->signal;

	return signal->flags & SIGNAL_GROUP_EXIT ? signal->group_exit_code : task->exit_code;
}

void vk_entry_exited(void *data, struct task_struct *task)
{
	struct vk_instance *instance;

	if (!vk_instances_count() || atomic_read(&task->signal->live))
		return;
	rcu_read_lock();
	spin_lock(&vk_entries_lock);
	instance = vk_instance_of(task);
	if (instance && instance->init == task_tgid(task) && !vk_entry_ended(instance))
		vk_entry_end(instance);
	else
		instance = NULL;
	spin_unlock(&vk_entries_lock);
	if (instance) {
		vk_event_lifecycle(instance, VKERNEL_EVENT_EXIT, task, vk_exit_status(task));
		vk_instances_reap();
	}
	rcu_read_unlock();
}

/* From an RCU callback, in softirq context: the task has left the task list. */
void vk_entry_freed(void *data, struct task_struct *task)
{
	if (atomic_read(&vk_nr_ended) && (vk_task_id(task) || vk_task_pending(task)))
		vk_instances_reap();
}

/*
 * Sets the bits of all ids that tasks carry. A fork under way has copied the id of a parent that is
 * in the list until the child is, and tasks outside the list run no more program.
 */
static void vk_entry_scan(unsigned long *carried)
{
	struct task_struct *process, *thread;

	bitmap_zero(carried, VK_ID_MAX + 1);
	read_lock(vk_symbols.tasklist_lock);
	for_each_process_thread(process, thread) {
		__set_bit(vk_task_id(thread), carried);
		__set_bit(vk_task_pending(thread), carried);
	}
	read_unlock(vk_symbols.tasklist_lock);
}

void vk_entry_retire(struct list_head *instances, struct list_head *retired)
{
	/* Guarded by the lock, as all else here. */
	static DECLARE_BITMAP(carried, VK_ID_MAX + 1);
	struct vk_instance *instance, *next;

	spin_lock(&vk_entries_lock);
	vk_entry_scan(carried);
	list_for_each_entry_safe(instance, next, instances, node) {
		if (!vk_entry_ended(instance) || test_bit(instance->id, carried))
			continue;
		if (instance->scope != VKERNEL_SCOPE_NONE)
			hash_del_rcu(&instance->scope_node);
		atomic_dec(&vk_nr_ended);
		list_move(&instance->node, retired);
	}
	spin_unlock(&vk_entries_lock);
}
