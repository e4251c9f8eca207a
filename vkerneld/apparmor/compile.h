/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Profiles in AppArmor's language to packed policy, by the language's own compiler. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "vkerneld/profile/report.h"

#define ARMOR_PARSER "/usr/sbin/apparmor_parser"
#define ARMOR_INCLUDES "/etc/apparmor.d"

typedef struct ArmorCompiler {
	const char *parser; /* ARMOR_PARSER */
	const char *includes; /* where <...> is looked for: ARMOR_INCLUDES */
	uid_t uid; /* who it runs as; 0: stay */
	gid_t gid;
	unsigned int timeout; /* seconds */
	bool allow_unmediated; /* rules that nobody would enforce are warnings */
} ArmorCompiler;

/*
 * Waits for the parser, in a child with limits and without a network. Returns 0 and what
 * armor_unpack() reads, for free(); -EINVAL for a profile that is wrong, -EOPNOTSUPP for rules that
 * the core can not mediate, -EFBIG over PROFILE_SIZE_MAX or ARMOR_PACKED_MAX, -E2BIG for one that
 * keeps the parser busy for too long, -ENOENT without a parser, -ENOMEM; report->error says more,
 * with the file and line if the parser names them.
 */
int armor_compile(const ArmorCompiler *c, const char *text, size_t size, void **ret,
		  size_t *ret_size, ProfileReport *report);
