// SPDX-License-Identifier: GPL-2.0-only
#include <linux/idr.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <linux/workqueue.h>

#include "entry.h"
#include "event.h"
#include "instance.h"
#include "policy.h"
#include "symbol.h"

/* Many tasks end at once where a container does; a look that releases nothing makes it longer. */
#define VK_REAP_DELAY (HZ / 20)
#define VK_REAP_DELAY_MAX HZ

struct vk_instance *vk_instances[VK_ID_MAX + 1];

/* Guards binding, release and mode; entry.c's lock nests inside. */
static DEFINE_MUTEX(vk_instances_mutex);
static LIST_HEAD(vk_instance_list);
static DEFINE_IDA(vk_ids);
static u32 vk_nr_instances;
static unsigned long vk_reap_delay = VK_REAP_DELAY;

static void vk_instance_free(struct vk_instance *instance)
{
	if (instance->image)
		vk_image_put(instance->image);
	put_pid(instance->init);
	if (instance->user_ns)
		put_user_ns(instance->user_ns);
	free_percpu(instance->checked);
	kfree(instance->denials[VK_TABLE_NATIVE]);
	kfree(instance->denials[VK_TABLE_COMPAT]);
	kfree_rcu(instance, rcu);
}

static int vk_instance_fill(struct vk_instance *instance, pid_t pid, const u8 *digest)
{
	struct vk_image *image;

	instance->checked = alloc_percpu(u64);
	if (!instance->checked)
		return -ENOMEM;
	instance->init = find_get_pid(pid);
	if (!instance->init)
		return -ESRCH;
	image = vk_image_get(digest);
	if (IS_ERR(image))
		return PTR_ERR(image);
	instance->image = image;
	return 0;
}

static struct vk_instance *vk_instance_new(const struct vk_binding *binding)
{
	size_t length = strlen(binding->container) + 1;
	struct vk_instance *instance;
	int err;

	instance = kzalloc(struct_size(instance, container, length), GFP_KERNEL);
	if (!instance)
		return ERR_PTR(-ENOMEM);
	err = vk_instance_fill(instance, binding->pid, binding->digest);
	if (err) {
		vk_instance_free(instance);
		return ERR_PTR(err);
	}
	instance->mode = binding->mode;
	instance->on_claim = binding->on_claim;
	instance->given = binding->capabilities;
	instance->withheld = ~(instance->given & instance->image->capabilities);
	memcpy(instance->container, binding->container, length);
	instance->denied_limit.end = jiffies;
	instance->claim_limit.end = jiffies;
	instance->refused_limit.end = jiffies;
	return instance;
}

static bool vk_container_bound(const char *container)
{
	struct vk_instance *instance;

	lockdep_assert_held(&vk_instances_mutex);
	list_for_each_entry(instance, &vk_instance_list, node)
		if (!vk_entry_ended(instance) && !strcmp(instance->container, container))
			return true;
	return false;
}

/* Takes @instance, also if it fails. */
static int vk_instance_insert(struct vk_instance *instance)
{
	int err, id = ida_alloc_range(&vk_ids, 1, VK_ID_MAX, GFP_KERNEL);

	lockdep_assert_held(&vk_instances_mutex);
	if (id < 0) {
		vk_instance_free(instance);
		return id;
	}
	instance->id = id;
	list_add_tail(&instance->node, &vk_instance_list);
	WRITE_ONCE(vk_nr_instances, vk_nr_instances + 1);
	smp_store_release(&vk_instances[id], instance);
	err = vk_entry_open(instance);
	/* A task may carry the id by now: only the reaper may release it. */
	if (err)
		vk_instances_reap();
	return err;
}

static void vk_instance_remove(struct vk_instance *instance)
{
	lockdep_assert_held(&vk_instances_mutex);
	WRITE_ONCE(vk_instances[instance->id], NULL);
	WRITE_ONCE(vk_nr_instances, vk_nr_instances - 1);
	ida_free(&vk_ids, instance->id);
}

static int vk_instance_start(struct vk_instance *instance)
{
	int err;

	if (vk_container_bound(instance->container)) {
		vk_instance_free(instance);
		return -EEXIST;
	}
	err = vk_instance_insert(instance);
	if (err)
		return err;
	vk_event_lifecycle(instance, VKERNEL_EVENT_BIND, NULL, 0);
	return instance->id;
}

int vk_instance_bind(const struct vk_binding *binding)
{
	struct vk_instance *instance;
	int id;

	if (vk_x32_enabled())
		return -EOPNOTSUPP;
	instance = vk_instance_new(binding);
	if (IS_ERR(instance))
		return PTR_ERR(instance);
	mutex_lock(&vk_instances_mutex);
	id = vk_instance_start(instance);
	mutex_unlock(&vk_instances_mutex);
	return id;
}

static struct vk_instance *vk_instance_named(u16 id, const char *container)
{
	struct vk_instance *instance = vk_instances[id];

	lockdep_assert_held(&vk_instances_mutex);
	if (instance && container && strcmp(instance->container, container))
		return NULL;
	return instance;
}

int vk_instance_unbind(u16 id, const char *container)
{
	struct vk_instance *instance;
	int err = 0;

	mutex_lock(&vk_instances_mutex);
	instance = vk_instance_named(id, container);
	if (!instance)
		err = -ENOENT;
	else if (vk_entry_withdraw(instance) || vk_entry_ended(instance))
		vk_instances_reap();
	else
		err = -EBUSY;
	mutex_unlock(&vk_instances_mutex);
	return err;
}

int vk_instance_set_mode(u16 id, const char *container, u8 mode)
{
	struct vk_instance *instance;

	mutex_lock(&vk_instances_mutex);
	instance = vk_instance_named(id, container);
	if (instance)
		WRITE_ONCE(instance->mode, mode);
	mutex_unlock(&vk_instances_mutex);
	return instance ? 0 : -ENOENT;
}

/* Takes the new image, and gives the old one: nobody finds it any more, but some may still look. */
static struct vk_image *vk_instance_exchange(struct vk_instance *instance, struct vk_image *image)
{
	struct vk_image *old = instance->image;

	lockdep_assert_held(&vk_instances_mutex);
	smp_store_release(&instance->image, image);
	WRITE_ONCE(instance->withheld, ~(instance->given & image->capabilities));
	vk_event_lifecycle(instance, VKERNEL_EVENT_POLICY, NULL, 0);
	return old;
}

int vk_instance_set_policy(u16 id, const char *container, const u8 *digest)
{
	struct vk_image *image = vk_image_get(digest), *old = NULL;
	struct vk_instance *instance;

	if (IS_ERR(image))
		return PTR_ERR(image);
	mutex_lock(&vk_instances_mutex);
	instance = vk_instance_named(id, container);
	if (instance)
		old = vk_instance_exchange(instance, image);
	mutex_unlock(&vk_instances_mutex);
	if (!instance) {
		vk_image_put(image);
		return -ENOENT;
	}
	/* Of other tasks that look at it under RCU, and of those preempted in a trampoline. */
	synchronize_rcu();
	synchronize_rcu_tasks();
	vk_image_put(old);
	return 0;
}

static struct vk_denials *vk_instance_denials(struct vk_instance *instance, enum vk_table table)
{
	struct vk_denials *denials = READ_ONCE(instance->denials[table]), *other;

	if (denials)
		return denials;
	denials = kzalloc(sizeof(*denials), GFP_NOWAIT | __GFP_NOWARN);
	if (!denials)
		return NULL;
	other = cmpxchg(&instance->denials[table], NULL, denials);
	if (!other)
		return denials;
	kfree(denials);
	return other;
}

void vk_instance_count_denied(struct vk_instance *instance, enum vk_table table, u32 nr)
{
	struct vk_denials *denials = vk_instance_denials(instance, table);

	atomic64_inc(&instance->denied);
	if (denials && nr < VK_NR_CALLS)
		atomic_inc(&denials->count[nr]);
}

u64 vk_instance_checked(const struct vk_instance *instance)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += *per_cpu_ptr(instance->checked, cpu);
	return sum;
}

u32 vk_instances_count(void)
{
	return READ_ONCE(vk_nr_instances);
}

int vk_instances_visit(u32 first, int (*visit)(struct vk_instance *instance, void *data),
		       void *data)
{
	int err = 0;
	u32 id;

	mutex_lock(&vk_instances_mutex);
	for (id = max(first, 1u); id <= VK_ID_MAX && !err; id++)
		if (vk_instances[id])
			err = visit(vk_instances[id], data);
	mutex_unlock(&vk_instances_mutex);
	return err;
}

int vk_instance_visit(u16 id, int (*visit)(struct vk_instance *instance, void *data), void *data)
{
	int err = -ENOENT;

	mutex_lock(&vk_instances_mutex);
	if (vk_instances[id])
		err = visit(vk_instances[id], data);
	mutex_unlock(&vk_instances_mutex);
	return err;
}

/* One look at all tasks for all instances that ended. */
static void vk_reap(struct work_struct *work)
{
	struct vk_instance *instance, *next;
	LIST_HEAD(retired);

	mutex_lock(&vk_instances_mutex);
	vk_entry_retire(&vk_instance_list, &retired);
	WRITE_ONCE(vk_reap_delay, list_empty(&retired) ?
				  min(vk_reap_delay * 2, VK_REAP_DELAY_MAX) : VK_REAP_DELAY);
	list_for_each_entry(instance, &retired, node) {
		vk_event_lifecycle(instance, VKERNEL_EVENT_RELEASE, NULL, 0);
		vk_instance_remove(instance);
	}
	mutex_unlock(&vk_instances_mutex);
	if (list_empty(&retired))
		return;
	/* Tasks of other instances that found one by its id look at its policy. */
	synchronize_rcu();
	list_for_each_entry_safe(instance, next, &retired, node)
		vk_instance_free(instance);
}

static DECLARE_DELAYED_WORK(vk_reaper, vk_reap);

void vk_instances_reap(void)
{
	schedule_delayed_work(&vk_reaper, READ_ONCE(vk_reap_delay));
}

void vk_instances_exit(void)
{
	cancel_delayed_work_sync(&vk_reaper);
}
