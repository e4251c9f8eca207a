/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/linkage.h>
#include <asm/ibt.h>
#include <asm/nospec-branch.h>

	.text
SYM_START(holder_trampoline, SYM_L_GLOBAL, SYM_A_ALIGN)
	ENDBR
	RET
SYM_FUNC_END(holder_trampoline)
