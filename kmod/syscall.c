// SPDX-License-Identifier: GPL-2.0-only
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <asm/syscall.h>
#include <asm/unistd.h>
#include <asm/vsyscall.h>

#include <vkernel/verdict.h>

#include "event.h"
#include "handler.h"
#include "instance.h"
#include "symbol.h"
#include "syscall.h"

#define VK_IA32_EXIT 1
#define VK_IA32_EXIT_GROUP 252

/* Where a call's arguments lie. A 32-bit one's are the lower halves. */
static const u16 vk_arg_offsets[VK_NR_TABLES][6] = {
	[VK_TABLE_NATIVE] = {
		offsetof(struct pt_regs, di), offsetof(struct pt_regs, si),
		offsetof(struct pt_regs, dx), offsetof(struct pt_regs, r10),
		offsetof(struct pt_regs, r8), offsetof(struct pt_regs, r9),
	},
	[VK_TABLE_COMPAT] = {
		offsetof(struct pt_regs, bx), offsetof(struct pt_regs, cx),
		offsetof(struct pt_regs, dx), offsetof(struct pt_regs, si),
		offsetof(struct pt_regs, di), offsetof(struct pt_regs, bp),
	},
};

static __always_inline u64 vk_arg(const struct pt_regs *regs, enum vk_table table, u8 arg)
{
	/* By a pointer: a valid policy's indexes are in bounds, and checks of it cost instructions. */
	const u16 *offsets = vk_arg_offsets[table];
	const void *slot = (const void *)regs + offsets[arg];

	return table == VK_TABLE_NATIVE ? *(const u64 *)slot : *(const u32 *)slot;
}

/* Answers in the handler's place. */
static bool vk_answer(struct pt_regs *regs, long value)
{
	regs->ax = value;
	return true;
}

/*
 * A call that never happened, with the signal that seccomp sends: the dispatcher stores what is
 * returned here, so the number goes back into the register that it came in.
 */
static bool vk_signal(struct pt_regs *regs, u32 nr, u32 data, bool fatal)
{
	syscall_rollback(current, regs);
	static_call(vk_force_sig_seccomp)(nr, data, fatal);
	/* One through the vsyscall page came without its number. */
	return vk_answer(regs, (u32)regs->orig_ax == nr ? regs->orig_ax : nr);
}

static bool vk_enforce(struct pt_regs *regs, u32 nr, u32 verdict)
{
	switch (VK_VERDICT_ACTION(verdict)) {
	case VK_ALLOW:
	case VK_LOG:
		return false;
	case VK_TRACE: /* as without a tracer that asked for it */
		return vk_answer(regs, -ENOSYS);
	case VK_ERRNO:
		return vk_answer(regs, -(long)VK_VERDICT_DATA(verdict));
	case VK_TRAP:
		return vk_signal(regs, nr, VK_VERDICT_DATA(verdict), false);
	case VK_KILL_THREAD:
		/* The last thread is its process, and leaves a core as one. */
		if (atomic_read(&current->signal->live) != 1)
			static_call(vk_do_exit)(SIGSYS);
		fallthrough;
	default:
		return vk_signal(regs, nr, VK_VERDICT_DATA(verdict), true);
	}
}

static bool vk_does_not_return(enum vk_table table, u32 nr)
{
	if (table == VK_TABLE_COMPAT)
		return nr == VK_IA32_EXIT || nr == VK_IA32_EXIT_GROUP;
	return nr == __NR_exit || nr == __NR_exit_group;
}

/*
 * Since 6.9 the dispatcher has no code behind the two calls that end a thread: an answer in their
 * place would return to nowhere. What the thread ends with is all that can be chosen.
 */
static bool vk_enforce_at_exit(u32 verdict)
{
	if (VK_VERDICT_ACTION(verdict) == VK_KILL_THREAD)
		static_call(vk_do_exit)(SIGSYS);
	if (VK_VERDICT_ACTION(verdict) == VK_KILL_PROCESS)
		static_call(vk_do_group_exit)(SIGSYS);
	return false;
}

/*
 * Calls through the vsyscall page bear no number; each of the three has its address. No other
 * handler is called for a number outside the table.
 */
static u32 vk_vsyscall_nr(const struct pt_regs *regs)
{
	static const u32 numbers[] = { __NR_gettimeofday, __NR_time, __NR_getcpu };
	unsigned long slot = (regs->ip - VSYSCALL_ADDR) >> 10;

	return slot < ARRAY_SIZE(numbers) ? numbers[slot] : VK_CALL_BEYOND;
}

static u32 vk_nr(const struct pt_regs *regs)
{
	u32 nr = regs->orig_ax;

	return nr < VK_NR_CALLS ? nr : vk_vsyscall_nr(regs);
}

static noinline void vk_report(const struct pt_regs *regs, struct vk_instance *instance,
			       enum vk_table table, u32 nr, u32 verdict, u8 mode)
{
	struct vk_event event = {
		.kind = VKERNEL_EVENT_DENIED,
		.table = table,
		.nr = nr,
		.verdict = verdict,
		.mode = mode,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(event.args); i++)
		event.args[i] = vk_arg(regs, table, i);
	vk_event_send(instance, current, &event);
}

static noinline bool vk_not_allowed(struct pt_regs *regs, struct vk_instance *instance,
				    enum vk_table table, u32 verdict)
{
	u8 mode = READ_ONCE(instance->mode);
	u32 nr = vk_nr(regs);

	if (VK_VERDICT_ACTION(verdict) != VK_LOG)
		vk_instance_count_denied(instance, table, nr);
	if (!vk_event_over_limit(instance, VKERNEL_EVENT_DENIED))
		vk_report(regs, instance, table, nr, verdict, mode);
	if (mode == VKERNEL_MODE_AUDIT)
		return false;
	if (vk_does_not_return(table, nr))
		return vk_enforce_at_exit(verdict);
	return vk_enforce(regs, nr, verdict);
}

/*
 * The path of every argument check: it has no frame and calls nothing, except in the place of its
 * return.
 */
static __always_inline bool vk_rule(struct pt_regs *regs, struct vk_instance *instance,
				    const struct vk_policy *policy, enum vk_table table, u32 entry)
{
	this_cpu_inc(*instance->checked);
	while (entry & VK_ENTRY_PROGRAM) {
		const struct vk_node *node = &policy->nodes[entry & ~VK_ENTRY_PROGRAM];

		entry = vk_node_step(node, vk_arg(regs, table, node->arg));
	}
	if (!entry)
		return false;
	return vk_not_allowed(regs, instance, table, entry);
}

asmlinkage bool vk_syscall_rule(struct pt_regs *regs, struct vk_instance *instance, u32 entry,
				const struct vk_policy *policy)
{
	return vk_rule(regs, instance, policy, VK_TABLE_NATIVE, entry);
}

asmlinkage bool vk_syscall_compat_rule(struct pt_regs *regs, struct vk_instance *instance,
				       u32 entry, const struct vk_policy *policy)
{
	return vk_rule(regs, instance, policy, VK_TABLE_COMPAT, entry);
}

asmlinkage bool vk_syscall_beyond(struct pt_regs *regs, struct vk_instance *instance,
				  const struct vk_policy *policy)
{
	enum vk_table table = in_ia32_syscall() ? VK_TABLE_COMPAT : VK_TABLE_NATIVE;
	u32 entry = policy->table[table][vk_nr(regs)];

	if (!entry)
		return false;
	if (table == VK_TABLE_COMPAT)
		return vk_rule(regs, instance, policy, VK_TABLE_COMPAT, entry);
	return vk_rule(regs, instance, policy, VK_TABLE_NATIVE, entry);
}

/* All that the handler of numbers without a meaning does. */
static long vk_ni_syscall(const struct pt_regs *regs)
{
	return -ENOSYS;
}

asmlinkage unsigned long vk_syscall_body(const struct pt_regs *regs)
{
	enum vk_table table = in_ia32_syscall() ? VK_TABLE_COMPAT : VK_TABLE_NATIVE;

	return vk_handler_body(table, vk_nr(regs)) ?:
	       (unsigned long)vk_ni_syscall;
}

static unsigned long notrace vk_syscall_detoured(unsigned long addr)
{
	return (unsigned long)vk_syscall_detour;
}

const struct vk_way vk_syscall_way = {
	.trampoline = vk_syscall_trampoline,
	.detour = vk_syscall_detoured,
};
