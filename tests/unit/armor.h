/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What tests of AppArmor profiles share: text in, packed bytes or the policy out. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/util.h"
#include "vkerneld/apparmor/compile.h"
#include "vkerneld/apparmor/unpack.h"

/* Nobody's. */
#define ARMOR_UID 61986

static inline ArmorCompiler armor_compiler(void)
{
	const uid_t uid = geteuid() == 0 ? ARMOR_UID : 0;

	return (ArmorCompiler){
		.parser = ARMOR_PARSER,
		.includes = ARMOR_INCLUDES,
		.uid = uid,
		.gid = uid,
		.timeout = 60,
	};
}

static inline uint8_t *packed_of(const char *text, size_t *ret_size)
{
	const ArmorCompiler c = armor_compiler();
	ProfileReport report = {};
	void *packed = NULL;

	if (armor_compile(&c, text, strlen(text), &packed, ret_size, &report) < 0)
		fail_msg("%s: %s", text, report.error);
	profile_report_done(&report);
	return packed;
}

static inline ArmorPolicy armor_of(const char *text)
{
	ProfileReport report = {};
	ArmorPolicy policy = {};
	size_t size;
	_cleanup_free_ uint8_t *packed = packed_of(text, &size);

	if (armor_unpack(packed, size, &policy, &report) < 0)
		fail_msg("%s: %s", text, report.error);
	assert_null(report.error);
	return policy;
}

/* What is allowed at a path: to its owner, and from ARMOR_OTHER_SHIFT on to others. */
static inline uint32_t file_accept(const ArmorProfile *p, const char *path)
{
	const uint32_t state = vk_dfa_match(p->file, p->file->start, path, (uint32_t)strlen(path));

	return p->file->states[state].accept;
}

static inline uint32_t owner_may(const ArmorProfile *p, const char *path)
{
	return file_accept(p, path) & ARMOR_ALL;
}

static inline uint32_t others_may(const ArmorProfile *p, const char *path)
{
	return file_accept(p, path) >> ARMOR_OTHER_SHIFT & ARMOR_ALL;
}
