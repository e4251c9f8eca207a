/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way from a system call handler's entry into its task's virtual kernel.
 *
 * ftrace calls the trampoline as the first thing in a handler: (%rsp) is the handler's body,
 * 8(%rsp) the kernel's dispatcher, %rdi the registers of the call. A return goes on with the body;
 * dropping one return address first answers the dispatcher in the body's place. The handlers take
 * one argument, so every other caller-saved register is free.
 *
 * No lock and no RCU: a task that carries an id keeps its instance and this module alive (instance.c
 * frees an id only when no task has it), and tasks without one leave before they look at any data.
 * The policy may be exchanged at any moment: it is taken once, and what was exchanged stays until
 * synchronize_rcu_tasks() has waited for every task that may be preempted in here, as it does when
 * the module goes.
 */
#include <linux/linkage.h>
#include <asm/asm-offsets.h>
#include <asm/ibt.h>
#include <asm/unwind_hints.h>

#include "compat/compat.h"
#include "offsets.h"

/* To \contained with the id of the task in \id; tasks of the host go back. */
.macro VK_HOST_RETURNS id contained
	ENDBR
	movq	VK_CURRENT, %rax
	movq	VK_TASK_SYSCALL_WORK(%rax), \id
	shrq	$VK_ID_SHIFT_ASM, \id
	jnz	\contained
	RET
.endm

	.text

SYM_START(vk_syscall_trampoline, SYM_L_GLOBAL, SYM_A_ALIGN)
	VK_HOST_RETURNS %rcx, .Lcontained

.Lcontained:
	movq	vk_instances(, %rcx, 8), %rsi
	movq	VK_INSTANCE_IMAGE(%rsi), %rcx
	movq	VK_IMAGE_POLICY(%rcx), %rcx
	movl	VK_REGS_ORIG_AX(%rdi), %edx
	cmpq	$VK_NR_CALLS_ASM, %rdx
	jae	.Lbeyond
	/* The number is the task's choice: no speculation past the bound just tested. */
	sbbq	%r8, %r8
	andl	%r8d, %edx
	testl	$VK_TS_COMPAT, VK_TASK_STATUS(%rax)
	jnz	.Lcompat
	movl	VK_POLICY_NATIVE(%rcx, %rdx, 4), %edx
	testl	%edx, %edx
	jnz	.Lrule
	RET

	/* (regs, instance, entry, policy) */
.Lrule:
	pushq	%rdi
	call	vk_syscall_rule
	popq	%rdi
	testb	%al, %al
	jnz	.Lanswer
	RET

.Lcompat:
	movl	VK_POLICY_COMPAT(%rcx, %rdx, 4), %edx
	testl	%edx, %edx
	jnz	.Lcompat_rule
	RET

.Lcompat_rule:
	pushq	%rdi
	call	vk_syscall_compat_rule
	popq	%rdi
	testb	%al, %al
	jnz	.Lanswer
	RET

	/* (regs, instance, policy) */
.Lbeyond:
	movq	%rcx, %rdx
	pushq	%rdi
	call	vk_syscall_beyond
	popq	%rdi
	testb	%al, %al
	jnz	.Lanswer
	RET

.Lanswer:
	movq	VK_REGS_AX(%rdi), %rax
	addq	$8, %rsp
	UNWIND_HINT_FUNC
	RET
SYM_FUNC_END(vk_syscall_trampoline)

/*
 * The same for cap_capable(cred, namespace, capability, options), for every capability that a task
 * of a container uses. Its four arguments are kept; the others of the caller-saved registers are
 * free. %dl is a capability of the kernel's own choice: no speculation mask.
 */
SYM_START(vk_capability_trampoline, SYM_L_GLOBAL, SYM_A_ALIGN)
	VK_HOST_RETURNS %rax, .Lcapable

.Lcapable:
	movq	vk_instances(, %rax, 8), %rax
	/*
	 * A task that has left the list of tasks may come here, on its own or interrupted: the
	 * kernel sends messages then, and asks about their listeners. It does not preempt there,
	 * so an instance that is found is not freed before RCU lets it.
	 */
	testq	%rax, %rax
	jz	.Lnative
	movq	VK_CRED_USER_NS(%rdi), %r10
	cmpq	VK_INSTANCE_USER_NS(%rax), %r10
	jne	.Lclaimed
	movq	VK_INSTANCE_WITHHELD(%rax), %rax
	andq	VK_CRED_EFFECTIVE(%rdi), %rax
	btq	%rdx, %rax
	jc	.Lclaimed
.Lnative:
	RET

.Lclaimed:
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	call	vk_capability_claimed
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
	testl	%eax, %eax
	jnz	.Lrefuse
	RET

.Lrefuse:
	addq	$8, %rsp
	UNWIND_HINT_FUNC
	RET
SYM_FUNC_END(vk_capability_trampoline)

SYM_START(vk_capability_detour, SYM_L_GLOBAL, SYM_A_ALIGN)
	ENDBR
	pushq	vk_capability_body(%rip)
	UNWIND_HINT_FUNC
	jmp	vk_capability_trampoline
SYM_FUNC_END(vk_capability_detour)

/*
 * The same for the kernel's security checks, security_*(): all by one trampoline, since ftrace
 * attaches and removes a set of functions in one go only where they share it. (%rsp), where the
 * check goes on, says which one it is: security.c has found a factor that gives each a slot of its
 * own. Up to five arguments are kept; the sixth register hands on the instance.
 */
SYM_START(vk_security_trampoline, SYM_L_GLOBAL, SYM_A_ALIGN)
	VK_HOST_RETURNS %rax, .Lconfined

.Lconfined:
	movq	vk_instances(, %rax, 8), %r9
	/* A task that has left the list of tasks, as above. */
	testq	%r9, %r9
	jnz	vk_security_ask
	RET
SYM_FUNC_END(vk_security_trampoline)

/* Of the instance in %r9. */
SYM_START(vk_security_ask, SYM_L_LOCAL, SYM_A_ALIGN)
	movq	VK_INSTANCE_IMAGE(%r9), %r10
	movq	(%rsp), %r11
	imulq	vk_security_factor(%rip), %r11
	shrq	$VK_SECURITY_SHIFT_ASM, %r11
	movl	vk_security_classes(, %r11, 4), %eax
	testl	%eax, VK_IMAGE_MEDIATES(%r10)
	jz	.Lunconfined
	movq	vk_security_functions(, %r11, 8), %rax
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	%r8
	CALL_NOSPEC rax
	popq	%r8
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
	testl	%eax, %eax
	jnz	.Lforbid
.Lunconfined:
	RET

.Lforbid:
	addq	$8, %rsp
	UNWIND_HINT_FUNC
	RET
SYM_FUNC_END(vk_security_ask)

/*
 * The most frequent checks have one of their own before that, which ends what is plain: permitted
 * whatever else the policy says.
 */
SYM_START(vk_open_trampoline, SYM_L_GLOBAL, SYM_A_ALIGN)
	VK_HOST_RETURNS %rax, .Lopen

	/* (file, instance) */
.Lopen:
	movq	vk_instances(, %rax, 8), %rsi
	testq	%rsi, %rsi
	jz	.Lopened
	pushq	%rdi
	pushq	%rsi
	call	vk_file_is_plain
	popq	%r9
	popq	%rdi
	testb	%al, %al
	jz	vk_security_ask
.Lopened:
	RET
SYM_FUNC_END(vk_open_trampoline)

	/* (directory, name), and up to two more */
SYM_START(vk_name_trampoline, SYM_L_GLOBAL, SYM_A_ALIGN)
	VK_HOST_RETURNS %rax, .Lname

.Lname:
	movq	vk_instances(, %rax, 8), %r9
	testq	%r9, %r9
	jz	.Lnamed
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	%r9
	movq	%r9, %rdx
	call	vk_name_is_plain
	popq	%r9
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
	testb	%al, %al
	jz	vk_security_ask
.Lnamed:
	RET
SYM_FUNC_END(vk_name_trampoline)

	/* (family, type, protocol, kern) */
SYM_START(vk_socket_trampoline, SYM_L_GLOBAL, SYM_A_ALIGN)
	VK_HOST_RETURNS %rax, .Lsocket

.Lsocket:
	movq	vk_instances(, %rax, 8), %r9
	testq	%r9, %r9
	jz	.Lcreated
	movq	VK_INSTANCE_IMAGE(%r9), %r10
	cmpq	$VK_NR_FAMILIES_ASM, %rdi
	jae	vk_security_ask
	/* The family is the task's choice: no speculation past the bound just tested. */
	sbbq	%rax, %rax
	andq	%rdi, %rax
	movzwl	VK_IMAGE_SOCKETS(%r10, %rax, 2), %eax
	cmpl	$VK_NR_SOCKET_TYPES_ASM, %esi
	jae	vk_security_ask
	btl	%esi, %eax
	jnc	vk_security_ask
.Lcreated:
	RET
SYM_FUNC_END(vk_socket_trampoline)

	/* (task, info, signal, cred) */
SYM_START(vk_kill_trampoline, SYM_L_GLOBAL, SYM_A_ALIGN)
	VK_HOST_RETURNS %rax, .Lkill

.Lkill:
	movq	vk_instances(, %rax, 8), %r9
	testq	%r9, %r9
	jz	.Lkilled
	/* To one of the same instance, with a signal but the last. */
	movq	VK_TASK_SYSCALL_WORK(%rdi), %r10
	shrq	$VK_ID_SHIFT_ASM, %r10
	cmpq	%rax, %r10
	jne	vk_security_ask
	movq	VK_INSTANCE_IMAGE(%r9), %r10
	cmpl	$64, %edx
	jae	vk_security_ask
	movq	VK_IMAGE_SIGNALS(%r10), %r10
	btq	%rdx, %r10
	jnc	vk_security_ask
.Lkilled:
	RET
SYM_FUNC_END(vk_kill_trampoline)

/* Where a direct call could not be had: one for each check, VK_DETOUR_SIZE apart. */
	.balign	VK_DETOUR_SIZE_ASM
SYM_CODE_START_NOALIGN(vk_security_detours)
	.set	index, 0
	.rept	VK_NR_SECURITY_ASM
	.balign	VK_DETOUR_SIZE_ASM, 0xcc
	UNWIND_HINT_FUNC
	ENDBR
	pushq	(vk_security_bodies + 8 * index)(%rip)
	UNWIND_HINT_FUNC
	jmp	vk_security_trampoline
	.set	index, index + 1
	.endr
SYM_CODE_END(vk_security_detours)

/*
 * Where a direct call could not be had: the task is sent here in place of the handler's body. From
 * here it is as if ftrace had called. No register says where it came from, since whoever holds the
 * direct call may have run in between; the call's number does.
 */
SYM_START(vk_syscall_detour, SYM_L_GLOBAL, SYM_A_ALIGN)
	ENDBR
	pushq	%rdi
	call	vk_syscall_body
	popq	%rdi
	pushq	%rax
	UNWIND_HINT_FUNC
	jmp	vk_syscall_trampoline
SYM_FUNC_END(vk_syscall_detour)
