// SPDX-License-Identifier: GPL-2.0-only
/* Compiled to assembly only: the trampoline's view of C structures. */
#include <linux/cred.h>
#include <linux/kbuild.h>
#include <linux/sched.h>
#include <asm/ptrace.h>

#include "instance.h"
#include "policy.h"
#include "security.h"

int main(void);

int main(void)
{
	OFFSET(VK_TASK_SYSCALL_WORK, task_struct, thread_info.syscall_work);
	OFFSET(VK_TASK_STATUS, task_struct, thread_info.status);
	OFFSET(VK_REGS_AX, pt_regs, ax);
	OFFSET(VK_REGS_ORIG_AX, pt_regs, orig_ax);
	OFFSET(VK_INSTANCE_IMAGE, vk_instance, image);
	OFFSET(VK_IMAGE_POLICY, vk_image, policy);
	OFFSET(VK_IMAGE_MEDIATES, vk_image, mediates);
	OFFSET(VK_IMAGE_SIGNALS, vk_image, signals);
	OFFSET(VK_IMAGE_SOCKETS, vk_image, sockets);
	OFFSET(VK_POLICY_NATIVE, vk_policy, table[VK_TABLE_NATIVE]);
	OFFSET(VK_POLICY_COMPAT, vk_policy, table[VK_TABLE_COMPAT]);
	OFFSET(VK_INSTANCE_WITHHELD, vk_instance, withheld);
	OFFSET(VK_INSTANCE_USER_NS, vk_instance, user_ns);
	OFFSET(VK_CRED_EFFECTIVE, cred, cap_effective);
	OFFSET(VK_CRED_USER_NS, cred, user_ns);
	DEFINE(VK_TS_COMPAT, TS_COMPAT);
	DEFINE(VK_NR_CALLS_ASM, VK_NR_CALLS);
	DEFINE(VK_NR_FAMILIES_ASM, VK_NR_FAMILIES);
	DEFINE(VK_NR_SOCKET_TYPES_ASM, VK_NR_SOCKET_TYPES);
	DEFINE(VK_ID_SHIFT_ASM, VK_ID_SHIFT);
	DEFINE(VK_SECURITY_SHIFT_ASM, VK_SECURITY_SHIFT);
	DEFINE(VK_NR_SECURITY_ASM, VK_NR_SECURITY);
	DEFINE(VK_DETOUR_SIZE_ASM, VK_DETOUR_SIZE);
	return 0;
}
