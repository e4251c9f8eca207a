// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bitmap.h>
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rculist.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/spinlock.h>
#include <linux/user_namespace.h>

#include "entry.h"
#include "event.h"
#include "instance.h"
#include "rlimit.h"
#include "symbol.h"

/*
 * Guards the two lists below and the state of every instance, and is what makes "no task carries
 * the id" stay true: a task gets an id that it did not inherit only under this lock, and only that
 * of an instance that it finds in one of them. Taken in process context alone; tasklist_lock nests
 * inside.
 */
static DEFINE_SPINLOCK(vk_entries_lock);

/* Instances whose init has not executed the program; few, and each for milliseconds. */
static HLIST_HEAD(vk_pending);

/* Of active and exited instances. Readers without the lock only get a hint. */
static DEFINE_HASHTABLE(vk_scopes, 8);

/* Instances that ended and are not released. */
static atomic_t vk_nr_ended = ATOMIC_INIT(0);

/*
 * The instance whose mark the task carries. That of one that was withdrawn means nothing, and stays
 * until the task executes a program or ends: taken off, a fork under way would have it alone.
 */
static struct vk_instance *vk_marked_by(struct task_struct *task)
{
	u16 id = vk_task_pending(task);
	struct vk_instance *instance = id ? READ_ONCE(vk_instances[id]) : NULL;

	return instance && !READ_ONCE(instance->withdrawn) ? instance : NULL;
}

/* Threads that appear meanwhile are found by their thread group when they execute. */
static int vk_mark(struct vk_instance *instance)
{
	struct task_struct *leader = pid_task(instance->init, PIDTYPE_TGID), *thread;

	lockdep_assert_held(&vk_entries_lock);
	if (!leader || (leader->flags & PF_KTHREAD))
		return -ESRCH;
	if (vk_task_id(leader) || vk_marked_by(leader))
		return -EALREADY;
	/* The overwritten marks may have been the last of an instance that was withdrawn. */
	if (vk_task_pending(leader))
		vk_instances_reap();
	instance->creator_cgroup = cgroup_id(task_dfl_cgroup(rcu_dereference(leader->real_parent)));
	for_each_thread(leader, thread)
		vk_task_set_pending(thread, instance->id);
	/*
	 * Pairs with the last thread's atomic_dec_and_test() of this before the probe of its exit
	 * looks at the list: either that one ends the instance or this one sees it.
	 */
	smp_mb();
	return atomic_read(&leader->signal->live) ? 0 : -ESRCH;
}

static void vk_entry_end(struct vk_instance *instance)
{
	lockdep_assert_held(&vk_entries_lock);
	if (instance->state == VKERNEL_STATE_PENDING)
		hlist_del_rcu(&instance->pending_node);
	WRITE_ONCE(instance->state, VKERNEL_STATE_EXITED);
	atomic_inc(&vk_nr_ended);
}

static void vk_void(struct vk_instance *instance)
{
	WRITE_ONCE(instance->withdrawn, true);
	vk_entry_end(instance);
}

int vk_entry_open(struct vk_instance *instance)
{
	int err;

	rcu_read_lock();
	spin_lock(&vk_entries_lock);
	instance->state = VKERNEL_STATE_PENDING;
	hlist_add_head_rcu(&instance->pending_node, &vk_pending);
	err = vk_mark(instance);
	if (err)
		vk_void(instance);
	spin_unlock(&vk_entries_lock);
	rcu_read_unlock();
	return err;
}

bool vk_entry_withdraw(struct vk_instance *instance)
{
	bool pending;

	spin_lock(&vk_entries_lock);
	pending = instance->state == VKERNEL_STATE_PENDING;
	if (pending)
		vk_void(instance);
	spin_unlock(&vk_entries_lock);
	return pending;
}

bool vk_entry_ended(const struct vk_instance *instance)
{
	return READ_ONCE(instance->state) == VKERNEL_STATE_EXITED;
}

static struct vk_scope *vk_scope_find(enum vkernel_scope kind, u64 key)
{
	struct vk_scope *scope;

	hash_for_each_possible_rcu(vk_scopes, scope, node, key)
		if (scope->kind == kind && scope->key == key)
			return scope;
	return NULL;
}

static void vk_scope_close(struct vk_scope *scope)
{
	lockdep_assert_held(&vk_entries_lock);
	hash_del_rcu(&scope->node);
	WRITE_ONCE(scope->instance->scope, scope->instance->scope & ~scope->kind);
}

/* Of containers that share a scope the first one has it, for as long as its init lives. */
static void vk_scope_open(struct vk_instance *instance, struct vk_scope *scope,
			  enum vkernel_scope kind, u64 key)
{
	struct vk_scope *other = vk_scope_find(kind, key);

	lockdep_assert_held(&vk_entries_lock);
	if (other && !vk_entry_ended(other->instance))
		return;
	if (other)
		vk_scope_close(other);
	scope->instance = instance;
	scope->kind = kind;
	scope->key = key;
	hash_add_rcu(vk_scopes, &scope->node, key);
	WRITE_ONCE(instance->scope, instance->scope | kind);
}

/* Kernel threads may have other mounts than the host's processes. @task: the one that runs */
static bool vk_has_own_mounts(struct task_struct *task)
{
	struct task_struct *host = init_pid_ns.child_reaper;
	bool own;

	task_lock(host);
	own = task->nsproxy->mnt_ns != host->nsproxy->mnt_ns;
	task_unlock(host);
	return own;
}

/* A cgroup that it shares with who made it would draw in tasks of the host. */
static bool vk_is_own_cgroup(struct vk_instance *instance, struct task_struct *init)
{
	struct cgroup *cgroup = task_dfl_cgroup(init);

	return cgroup->level > 0 && cgroup_id(cgroup) != instance->creator_cgroup &&
	       cgroup != task_dfl_cgroup(rcu_dereference(init->real_parent));
}

static bool vk_is_own_pidns(struct vk_instance *instance)
{
	return instance->init->level > 0 && is_child_reaper(instance->init);
}

/*
 * The scopes of a container are the cgroup that its init executes in and the pid namespace that it
 * is the first process of, as far as they are its own.
 */
static void vk_scopes_open(struct vk_instance *instance, struct task_struct *init)
{
	instance->own_mounts = vk_has_own_mounts(init);
	if (vk_is_own_cgroup(instance, init))
		vk_scope_open(instance, &instance->cgroup, VKERNEL_SCOPE_CGROUP,
			      cgroup_id(task_dfl_cgroup(init)));
	/* The reference to the init's pid keeps the namespace, and so its address. */
	if (vk_is_own_pidns(instance))
		vk_scope_open(instance, &instance->pidns, VKERNEL_SCOPE_PIDNS,
			      (unsigned long)ns_of_pid(instance->init));
}

static void vk_scopes_close(struct vk_instance *instance)
{
	if (instance->scope & VKERNEL_SCOPE_CGROUP)
		vk_scope_close(&instance->cgroup);
	if (instance->scope & VKERNEL_SCOPE_PIDNS)
		vk_scope_close(&instance->pidns);
}

/* The innermost instance whose cgroup the task is in. */
static struct vk_instance *vk_cgroup_of(struct task_struct *task)
{
	struct vk_scope *scope = NULL;
	struct cgroup *cgroup;

	for (cgroup = task_dfl_cgroup(task); cgroup && !scope; cgroup = cgroup_parent(cgroup))
		scope = vk_scope_find(VKERNEL_SCOPE_CGROUP, cgroup_id(cgroup));
	return scope ? scope->instance : NULL;
}

static struct vk_instance *vk_pidns_of(struct task_struct *task)
{
	struct pid_namespace *pidns;
	struct vk_scope *scope = NULL;

	for (pidns = task_active_pid_ns(task); pidns && !scope; pidns = pidns->parent)
		scope = vk_scope_find(VKERNEL_SCOPE_PIDNS, (unsigned long)pidns);
	return scope ? scope->instance : NULL;
}

/*
 * A runtime may start a part of itself right in the container's cgroup, to set up a process that
 * enters later: it still has the host's mounts.
 */
static struct vk_instance *vk_scope_of(struct task_struct *task)
{
	struct vk_instance *instance;

	if (hash_empty(vk_scopes))
		return NULL;
	instance = vk_cgroup_of(task);
	if (!instance)
		return vk_pidns_of(task);
	return instance->own_mounts && !vk_has_own_mounts(task) ? NULL : instance;
}

static struct vk_instance *vk_pending_of(struct task_struct *task)
{
	struct vk_instance *instance;

	hlist_for_each_entry_rcu(instance, &vk_pending, pending_node)
		if (instance->init == task_tgid(task))
			return instance;
	return NULL;
}

static bool vk_shares_cgroup(struct vk_instance *instance, struct task_struct *task)
{
	struct task_struct *init = pid_task(instance->init, PIDTYPE_TGID);
	struct cgroup *cgroup = init ? task_dfl_cgroup(init) : NULL;

	return cgroup && vk_is_own_cgroup(instance, init) &&
	       cgroup_is_descendant(task_dfl_cgroup(task), cgroup);
}

static bool vk_shares_pidns(struct vk_instance *instance, struct task_struct *task)
{
	return vk_is_own_pidns(instance) &&
	       ns_of_pid(instance->init) == task_active_pid_ns(task);
}

/*
 * A container that was created and waits to be started has no scope yet, and can be entered all the
 * same. What its runtime runs there until then carries its mark.
 */
static struct vk_instance *vk_entered_early(struct task_struct *task)
{
	struct vk_instance *instance;

	/* Most programs of the host: no need to lock its init for them. */
	if (hlist_empty(&vk_pending) || !vk_has_own_mounts(task))
		return NULL;
	hlist_for_each_entry_rcu(instance, &vk_pending, pending_node) {
		/* A hook of the runtime's, made by a thread that was itself being made at the bind. */
		if (task_tgid(rcu_dereference(task->real_parent)) == instance->init)
			continue;
		if (vk_shares_cgroup(instance, task) || vk_shares_pidns(instance, task))
			return instance;
	}
	return NULL;
}

/*
 * Whose program the task has just executed, if it is the first one there: called once as a hint
 * and again under the lock, which then holds for the answer.
 */
static struct vk_instance *vk_entered(struct task_struct *task)
{
	struct vk_instance *instance = vk_marked_by(task);

	if (!instance)
		return vk_pending_of(task) ?: vk_scope_of(task) ?: vk_entered_early(task);
	if (READ_ONCE(instance->state) == VKERNEL_STATE_PENDING &&
	    instance->init != task_tgid(task))
		return NULL;
	return instance;
}

/* Says what happened, as an event's kind. */
static enum vkernel_event_kind vk_enter(struct vk_instance *instance, struct task_struct *task)
{
	lockdep_assert_held(&vk_entries_lock);
	/* Before any task carries the id: the trampoline's way leads to it. */
	if (!instance->user_ns) {
		struct task_struct *init = pid_task(instance->init, PIDTYPE_TGID);

		instance->user_ns = get_user_ns(task_cred_xxx(init ?: task, user_ns));
	}
	vk_task_activate(task, instance->id);
	if (instance->state != VKERNEL_STATE_PENDING || instance->init != task_tgid(task))
		return VKERNEL_EVENT_JOIN;
	hlist_del_rcu(&instance->pending_node);
	WRITE_ONCE(instance->state, VKERNEL_STATE_ACTIVE);
	vk_scopes_open(instance, task);
	return VKERNEL_EVENT_ACTIVATE;
}

/* Or a bind may have put another one in its place just now. */
static void vk_forget_mark(struct task_struct *task)
{
	spin_lock(&vk_entries_lock);
	if (!vk_marked_by(task)) {
		vk_task_set_pending(task, 0);
		vk_instances_reap();
	}
	spin_unlock(&vk_entries_lock);
}

void vk_entry_executed(void *data, struct task_struct *task)
{
	struct vk_instance *instance;
	enum vkernel_event_kind kind;

	/* A container inside a container stays on the outer one's kernel. */
	if (vk_task_id(task) || !vk_instances_count())
		return;
	rcu_read_lock();
	if (vk_task_pending(task) && !vk_marked_by(task))
		vk_forget_mark(task);
	if (vk_entered(task)) {
		spin_lock(&vk_entries_lock);
		instance = vk_entered(task);
		if (instance)
			kind = vk_enter(instance, task);
		spin_unlock(&vk_entries_lock);
		if (instance) {
			vk_rlimit_enter(task, instance);
			vk_event_lifecycle(instance, kind, task, 0);
		}
	}
	rcu_read_unlock();
}

/* The instance whose init the task is a thread of, if that one has not ended. */
static struct vk_instance *vk_init_of(struct task_struct *task)
{
	u16 id = vk_task_id(task);
	struct vk_instance *instance = id ? READ_ONCE(vk_instances[id]) : vk_pending_of(task);

	if (!instance || instance->init != task_tgid(task) || vk_entry_ended(instance))
		return NULL;
	return instance;
}

static u32 vk_exit_status(struct task_struct *task)
{
	const struct signal_struct *signal = task->signal;

	if (signal->flags & SIGNAL_GROUP_EXIT)
		return signal->group_exit_code;
	return task->group_leader->exit_code;
}

void vk_entry_exited(void *data, struct task_struct *task)
{
	struct vk_instance *instance;

	if (!vk_instances_count() || atomic_read(&task->signal->live))
		return;
	rcu_read_lock();
	if (vk_init_of(task)) {
		spin_lock(&vk_entries_lock);
		instance = vk_init_of(task);
		if (instance)
			vk_entry_end(instance);
		spin_unlock(&vk_entries_lock);
		if (instance) {
			vk_event_lifecycle(instance, VKERNEL_EVENT_EXIT, task,
					   vk_exit_status(task));
			vk_instances_reap();
		}
	}
	rcu_read_unlock();
}

/* From an RCU callback, in softirq context: the task has left the task list. */
void vk_entry_freed(void *data, struct task_struct *task)
{
	u16 id = vk_task_id(task) ?: vk_task_pending(task);
	struct vk_instance *instance;

	if (!id || !atomic_read(&vk_nr_ended))
		return;
	rcu_read_lock();
	instance = READ_ONCE(vk_instances[id]);
	if (instance && vk_entry_ended(instance))
		vk_instances_reap();
	rcu_read_unlock();
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
		vk_scopes_close(instance);
		atomic_dec(&vk_nr_ended);
		list_move(&instance->node, retired);
	}
	spin_unlock(&vk_entries_lock);
}
