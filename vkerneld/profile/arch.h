/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Architectures as profiles name them: SCMP_ARCH_X86_64, x86_64, amd64. */
#pragma once

#include "vkerneld/profile/field.h"

enum arch {
	ARCH_X86_64 = VK_TABLE_NATIVE,
	ARCH_I386 = VK_TABLE_COMPAT,
	ARCH_X32, /* the core refuses it whatever a profile says */
	ARCH_FOREIGN, /* known, but never seen on this machine */
	ARCH_UNKNOWN
};

enum arch arch_from_name(const char *name);

/* architectures or archMap: whether the profile is for i386 programs too. */
int read_arches(const Field *root, bool *ret_i386);
