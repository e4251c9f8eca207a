// SPDX-License-Identifier: GPL-2.0-only
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <asm/syscall.h>
#include <asm/unistd.h>
#include <asm/vsyscall.h>

#include <vkernel/verdict.h>

#include "event.h"
#include "instance.h"
#include "symbol.h"
#include "syscall.h"

static const struct vk_ruling vk_pass;

static struct vk_ruling vk_answer(long value)
{
	return (struct vk_ruling){ .answer = 1, .value = value };
}

static __always_inline void vk_args(const struct pt_regs *regs, enum vk_table table, u64 *args)
{
	if (table == VK_TABLE_NATIVE) {
		args[0] = regs->di;
		args[1] = regs->si;
		args[2] = regs->dx;
		args[3] = regs->r10;
		args[4] = regs->r8;
		args[5] = regs->r9;
	} else {
		args[0] = (u32)regs->bx;
		args[1] = (u32)regs->cx;
		args[2] = (u32)regs->dx;
		args[3] = (u32)regs->si;
		args[4] = (u32)regs->di;
		args[5] = (u32)regs->bp;
	}
}

/*
 * A call that never happened, with the signal that seccomp sends: the dispatcher stores what is
 * returned here, so the number goes back into the register that it came in.
 */
static struct vk_ruling vk_signal(struct pt_regs *regs, u32 nr, u32 data, bool fatal)
{
	syscall_rollback(current, regs);
	vk_symbols.force_sig_seccomp(nr, data, fatal);
	return vk_answer(regs->orig_ax);
}

static struct vk_ruling vk_enforce(struct pt_regs *regs, u32 nr, u32 verdict)
{
	switch (VK_VERDICT_ACTION(verdict)) {
	case VK_ALLOW:
	case VK_LOG:
		return vk_pass;
	case VK_TRACE: /* as without a tracer that asked for it */
		return vk_answer(-ENOSYS);
	case VK_ERRNO:
		return vk_answer(-(long)VK_VERDICT_DATA(verdict));
	case VK_TRAP:
		return vk_signal(regs, nr, VK_VERDICT_DATA(verdict), false);
	case VK_KILL_THREAD:
		/* The last thread is its process, and leaves a core as one. */
		if (atomic_read(&current->signal->live) != 1)
			vk_symbols.do_exit(SIGSYS);
		fallthrough;
	default:
		return vk_signal(regs, nr, VK_VERDICT_DATA(verdict), true);
	}
}

/* Off the path of calls that pass, to keep that one's frame small. */
static noinline struct vk_ruling vk_not_allowed(struct pt_regs *regs, struct vk_instance *instance,
						enum vk_table table, u32 nr, u32 verdict)
{
	struct vk_event event = {
		.kind = VKERNEL_EVENT_DENIED,
		.table = table,
		.nr = nr,
		.verdict = verdict,
		.mode = READ_ONCE(instance->mode),
	};

	vk_args(regs, table, event.args);
	if (VK_VERDICT_ACTION(verdict) != VK_LOG)
		vk_instance_count_denied(instance, table, min_t(u32, nr, VK_CALL_BEYOND));
	vk_event_send(instance, current, &event);
	if (event.mode == VKERNEL_MODE_AUDIT)
		return vk_pass;
	return vk_enforce(regs, nr, verdict);
}

/* Calls through the vsyscall page bear no number; each of the three has its address. */
static u32 vk_vsyscall_nr(const struct pt_regs *regs)
{
	static const u32 numbers[] = { __NR_gettimeofday, __NR_time, __NR_getcpu };
	unsigned long slot = (regs->ip - VSYSCALL_ADDR) >> 10;

	return slot < ARRAY_SIZE(numbers) ? numbers[slot] : VK_CALL_BEYOND;
}

static noinline u32 vk_beyond(const struct pt_regs *regs, const u32 *entries, u32 *nr)
{
	if (*nr == (u32)-1) {
		*nr = vk_vsyscall_nr(regs);
		return entries[*nr];
	}
	if (*nr & __X32_SYSCALL_BIT)
		return VK_VERDICT(VK_ERRNO, ENOSYS);
	return entries[VK_CALL_BEYOND];
}

asmlinkage struct vk_ruling vk_syscall_rule(struct pt_regs *regs, struct vk_instance *instance,
					    u32 entry, const u32 *entries)
{
	enum vk_table table = entries == instance->table[VK_TABLE_COMPAT];
	u32 nr = regs->orig_ax;
	u64 args[6];

	if (unlikely(nr >= VK_NR_CALLS))
		entry = vk_beyond(regs, entries, &nr);
	this_cpu_inc(*instance->checked);
	if (entry & VK_ENTRY_PROGRAM) {
		vk_args(regs, table, args);
		entry = vk_verdict(instance->policy, entry, args);
	}
	if (!entry)
		return vk_pass;
	return vk_not_allowed(regs, instance, table, nr, entry);
}
