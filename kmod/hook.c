// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions are hooked in batches, one ftrace_ops each: the work of patching and of waiting for
 * every CPU is paid a batch, not a function. A batch leaves when the last policy that needs any of
 * its functions has left; until then the others cost host tasks the few instructions of the
 * trampoline's way out.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/ftrace.h>
#include <linux/hashtable.h>
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/slab.h>

#include "compat/compat.h"
#include "hook.h"
#include "identity.h"
#include "symbol.h"

struct vk_batch {
	struct list_head node;
	enum vkernel_hook_state state;
	const struct vk_way *way;
	struct ftrace_ops ops; /* direct and IPMODIFY */
	struct kprobe probe; /* kprobe: one function */
	size_t used; /* hooks of it that have users */
	size_t count;
	struct vk_hook hooks[];
};

struct vk_hook_set {
	size_t count;
	struct vk_hook *hooks[];
};

/* Guards everything here. ftrace's own locks nest inside. */
static DEFINE_MUTEX(vk_hooks_mutex);
static DEFINE_HASHTABLE(vk_hooks, 9);
static LIST_HEAD(vk_batches); /* oldest first */
static u64 vk_hook_serial;

enum vkernel_hook_state vk_hook_state(const struct vk_hook *hook)
{
	return hook->batch->state;
}

static struct vk_hook *vk_hook_find(unsigned long addr)
{
	struct vk_hook *hook;

	hash_for_each_possible(vk_hooks, hook, node, addr)
		if (hook->addr == addr)
			return hook;
	return NULL;
}

/*
 * The way in where a direct call is refused. Runs with preemption off, so the decision, which may
 * end the task, is left to the detour.
 */
static void notrace vk_ipmodify(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
				struct ftrace_regs *fregs)
{
	const struct vk_batch *batch = container_of(ops, struct vk_batch, ops);
	struct pt_regs *regs = ftrace_get_regs(fregs);

	if (regs && vk_task_id(current))
		regs->ip = batch->way->detour(ip);
}

/* The handler of numbers that mean nothing is out of ftrace's reach on some kernels. */
static int vk_probe_ni_syscall(struct kprobe *probe, struct pt_regs *regs)
{
	const struct vk_batch *batch = container_of(probe, struct vk_batch, probe);

	if (!vk_task_id(current))
		return 0;
	regs->ip = batch->way->detour((unsigned long)probe->addr);
	return 1;
}
NOKPROBE_SYMBOL(vk_probe_ni_syscall);

/* Its being there keeps the probe from being optimised to a jump, which can not divert. */
static void vk_probe_done(struct kprobe *probe, struct pt_regs *regs, unsigned long flags)
{
}

static int vk_batch_register(struct vk_batch *batch, unsigned long *addrs)
{
	int err;

	if (batch->state == VKERNEL_HOOK_KPROBE) {
		batch->probe.addr = (kprobe_opcode_t *)addrs[0];
		batch->probe.pre_handler = vk_probe_ni_syscall;
		batch->probe.post_handler = vk_probe_done;
		return register_kprobe(&batch->probe);
	}
	err = ftrace_set_filter_ips(&batch->ops, addrs, batch->count, 0, 1);
	if (!err && batch->state == VKERNEL_HOOK_DIRECT) {
		err = vk_ftrace_direct_register(&batch->ops,
						(unsigned long)batch->way->trampoline);
	} else if (!err) {
		batch->ops.func = vk_ipmodify;
		batch->ops.flags |= FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY |
				    FTRACE_OPS_FL_RECURSION;
		err = register_ftrace_function(&batch->ops);
	}
	if (err)
		ftrace_free_filter(&batch->ops);
	return err;
}

static int vk_batch_unregister(struct vk_batch *batch)
{
	int err;

	if (batch->state == VKERNEL_HOOK_KPROBE) {
		unregister_kprobe(&batch->probe);
		return 0;
	}
	if (batch->state == VKERNEL_HOOK_DIRECT)
		return vk_ftrace_direct_unregister(&batch->ops,
						   (unsigned long)batch->way->trampoline);
	err = unregister_ftrace_function(&batch->ops);
	if (!err)
		ftrace_free_filter(&batch->ops);
	return err;
}

static int vk_batch_start(const struct vk_way *way, unsigned long *addrs, size_t count,
			  enum vkernel_hook_state state)
{
	struct vk_batch *batch = kvzalloc(struct_size(batch, hooks, count), GFP_KERNEL);
	size_t i;
	int err;

	if (!batch)
		return -ENOMEM;
	batch->state = state;
	batch->way = way;
	batch->count = count;
	err = vk_batch_register(batch, addrs);
	if (err) {
		/* ftrace may have shown it to other CPUs before it took it back. */
		synchronize_rcu();
		kvfree(batch);
		return err;
	}
	for (i = 0; i < count; i++) {
		batch->hooks[i].batch = batch;
		batch->hooks[i].addr = addrs[i];
		batch->hooks[i].serial = vk_hook_serial++;
		hash_add(vk_hooks, &batch->hooks[i].node, addrs[i]);
	}
	list_add_tail(&batch->node, &vk_batches);
	return 0;
}

static void vk_batch_stop(struct vk_batch *batch)
{
	size_t i;
	int err;

	list_del(&batch->node);
	for (i = 0; i < batch->count; i++)
		hash_del(&batch->hooks[i].node);
	err = vk_batch_unregister(batch);
	if (!err) {
		kvfree(batch);
		return;
	}
	/* The functions still call into this module: it has to stay, and so has what ftrace knows. */
	__module_get(THIS_MODULE);
	pr_err("ftrace does not let go of %zu functions (%d): the module stays until the next boot\n",
	       batch->count, err);
}

/* While the holder changes its own hook, ftrace says -EAGAIN. */
static int vk_batch_start_detour(const struct vk_way *way, unsigned long *addr)
{
	int err, tries = 0;

	while ((err = vk_batch_start(way, addr, 1, VKERNEL_HOOK_IPMODIFY)) == -EAGAIN &&
	       ++tries < 100)
		msleep(1);
	return err;
}

/*
 * One batch if it can be; where somebody holds a function (-EBUSY does not say which), the halves
 * are tried, and what is left alone takes the slower way.
 */
static int vk_batches_start(const struct vk_way *way, unsigned long *addrs, size_t count)
{
	int err = vk_batch_start(way, addrs, count, VKERNEL_HOOK_DIRECT);

	if (err != -EBUSY)
		return err;
	if (count == 1) {
		err = vk_batch_start_detour(way, addrs);
		if (err)
			pr_err("%ps is held by another tracer, and there is no way beside it: %d\n",
			       (void *)addrs[0], err);
		else
			pr_notice("%ps is held by another tracer: taking the slower way\n",
				  (void *)addrs[0]);
		return err;
	}
	err = vk_batches_start(way, addrs, count / 2);
	return err ?: vk_batches_start(way, addrs + count / 2, count - count / 2);
}

static void vk_hook_get(struct vk_hook *hook)
{
	if (!hook->users++)
		hook->batch->used++;
}

static void vk_hook_put(struct vk_hook *hook)
{
	if (!--hook->users && !--hook->batch->used)
		vk_batch_stop(hook->batch);
}

/* After a failure half-way. */
static void vk_batches_sweep(void)
{
	struct vk_batch *batch, *next;

	list_for_each_entry_safe(batch, next, &vk_batches, node)
		if (!batch->used)
			vk_batch_stop(batch);
}

static int vk_hooks_start(const struct vk_way *way, const unsigned long *addrs, size_t count)
{
	unsigned long *missing = kvcalloc(count, sizeof(*missing), GFP_KERNEL);
	unsigned long unreachable = 0;
	size_t i, n = 0;
	int err = 0;

	if (!missing)
		return -ENOMEM;
	for (i = 0; i < count && !err; i++) {
		if (vk_hook_find(addrs[i]))
			continue;
		if (static_call(vk_ftrace_location)(addrs[i]))
			missing[n++] = addrs[i];
		else if (!unreachable)
			unreachable = addrs[i];
		else
			err = -EOPNOTSUPP;
	}
	if (!err && n)
		err = vk_batches_start(way, missing, n);
	if (!err && unreachable)
		err = vk_batch_start(way, &unreachable, 1, VKERNEL_HOOK_KPROBE);
	kvfree(missing);
	return err;
}

struct vk_hook_set *vk_hooks_acquire(const struct vk_way *way, const unsigned long *addrs,
				     size_t count)
{
	struct vk_hook_set *set = kvzalloc(struct_size(set, hooks, count), GFP_KERNEL);
	size_t i;
	int err = 0;

	if (!set)
		return ERR_PTR(-ENOMEM);
	mutex_lock(&vk_hooks_mutex);
	if (count)
		err = vk_hooks_start(way, addrs, count);
	if (err) {
		vk_batches_sweep();
		mutex_unlock(&vk_hooks_mutex);
		kvfree(set);
		return ERR_PTR(err);
	}
	for (i = 0; i < count; i++) {
		set->hooks[i] = vk_hook_find(addrs[i]);
		vk_hook_get(set->hooks[i]);
	}
	set->count = count;
	mutex_unlock(&vk_hooks_mutex);
	return set;
}

void vk_hooks_release(struct vk_hook_set *set)
{
	size_t i;

	mutex_lock(&vk_hooks_mutex);
	for (i = 0; i < set->count; i++)
		vk_hook_put(set->hooks[i]);
	mutex_unlock(&vk_hooks_mutex);
	kvfree(set);
}

size_t vk_hook_set_size(const struct vk_hook_set *set)
{
	return set->count;
}

int vk_hooks_visit(u64 first, int (*visit)(const struct vk_hook *hook, void *data), void *data)
{
	struct vk_batch *batch;
	size_t i;
	int err = 0;

	mutex_lock(&vk_hooks_mutex);
	list_for_each_entry(batch, &vk_batches, node)
		for (i = 0; i < batch->count && !err; i++)
			if (batch->hooks[i].serial >= first)
				err = visit(&batch->hooks[i], data);
	mutex_unlock(&vk_hooks_mutex);
	return err;
}

/* A function of our own that is traced for good: the kernel then keeps ftrace on. */
static noinline void vk_guarded(void)
{
	barrier();
}

static void notrace vk_guard(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			     struct ftrace_regs *fregs)
{
}

static struct ftrace_ops vk_guard_ops = {
	.func = vk_guard,
	.flags = FTRACE_OPS_FL_PERMANENT,
};

int __init vk_hooks_guard(void)
{
	int err = ftrace_set_filter_ip(&vk_guard_ops, (unsigned long)vk_guarded, 0, 1);

	if (!err)
		err = register_ftrace_function(&vk_guard_ops);
	if (err) {
		ftrace_free_filter(&vk_guard_ops);
		pr_err("ftrace can not be used (%d): is kernel.ftrace_enabled 1?\n", err);
	}
	return err;
}

void vk_hooks_unguard(void)
{
	unregister_ftrace_function(&vk_guard_ops);
	ftrace_free_filter(&vk_guard_ops);
	synchronize_rcu_tasks();
}
