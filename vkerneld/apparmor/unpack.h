/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What apparmor_parser packs for the kernel, read with every bound checked. */
#pragma once

#include <stdbool.h>

#include <vkernel/dfa.h>

#include "vkerneld/profile/report.h"

#define ARMOR_PACKED_MAX (16u << 20)
#define ARMOR_PROFILES_MAX 256
#define ARMOR_RLIMITS 16

typedef enum ArmorMode {
	ARMOR_ENFORCE,
	ARMOR_COMPLAIN,
	ARMOR_KILL,
	ARMOR_UNCONFINED,
} ArmorMode;

/* Bits of path_flags. */
enum {
	ARMOR_ATTACH_DISCONNECTED = 0x4,
	ARMOR_CHROOT_RELATIVE = 0x8,
	ARMOR_CHROOT_ATTACH = 0x10,
	ARMOR_DELEGATE_DELETED = 0x8000,
	ARMOR_MEDIATE_DELETED = 0x10000,
};

/* The first byte of what is matched against ArmorProfile.policy. */
enum {
	ARMOR_CLASS_FILE = 2,
	ARMOR_CLASS_MOUNT = 7,
	ARMOR_CLASS_PTRACE = 9,
	ARMOR_CLASS_SIGNAL = 10,
	ARMOR_CLASS_NETWORK = 14,
	ARMOR_CLASS_LABEL = 16,
};

/* Bits of the accept words of ArmorProfile.file: for the file's owner here, for others shifted. */
enum {
	ARMOR_EXEC = 0x1,
	ARMOR_WRITE = 0x2,
	ARMOR_READ = 0x4,
	ARMOR_APPEND = 0x8,
	ARMOR_LINK = 0x10,
	ARMOR_LOCK =
		0x20, /* behind the NUL of a pair: the link has no more rights than its target */
	ARMOR_MMAP = 0x40,
	ARMOR_ALL = 0x7f,
};

/* Of accept: how the owner executes, and how others do. */
#define ARMOR_EXEC_SHIFT 7
/* Of accept2: what is refused without a word, beside what is audited. */
#define ARMOR_QUIET_SHIFT 7
#define ARMOR_OTHER_SHIFT 14

enum {
	ARMOR_EXEC_UNCONFINED = 0x1, /* also: ux if the profile is not there */
	ARMOR_EXEC_UNSAFE = 0x2,
	ARMOR_EXEC_INHERIT = 0x4, /* ix; beside a target: if the profile is not there */
	ARMOR_EXEC_TARGET_SHIFT = 3, /* four bits: */
	ARMOR_TARGET_UNCONFINED = 1, /* ux */
	ARMOR_TARGET_NAME = 2, /* px */
	ARMOR_TARGET_CHILD = 3, /* cx */
	ARMOR_TARGET_FIRST = 4, /* -> transitions[0] and on */
	ARMOR_TARGET_MASK = 0xf,
};

/* Bits are numbers of capabilities. */
typedef struct ArmorCapabilities {
	uint64_t allow, audit, quiet; /* quiet: denied, without a word */
	uint64_t extended;
} ArmorCapabilities;

/* Of one address family; bits are types of sockets. Only parsers with an old ABI make these. */
typedef struct ArmorFamily {
	uint16_t allow, audit, quiet;
} ArmorFamily;

typedef struct ArmorProfile {
	char *name; /* of a hat or a child: "parent//child" */
	char *disconnected; /* what disconnected paths are attached to, or NULL */
	ArmorMode mode;
	bool hat, audit_all;
	uint32_t path_flags;
	ArmorCapabilities capabilities;
	uint32_t rlimits_set; /* bits are RLIMIT_* */
	uint64_t rlimits[ARMOR_RLIMITS];
	ArmorFamily *families;
	size_t n_families;
	struct vk_dfa *policy; /* everything but files, or NULL: nothing of it is mediated */
	struct vk_dfa *file; /* or NULL: no rule permits any */
	char **transitions; /* targets of rules on exec and pivot_root */
	size_t n_transitions;
} ArmorProfile;

typedef struct ArmorPolicy {
	uint32_t version; /* of the packed format: decides what the words of policy mean */
	ArmorProfile *profiles; /* hats and children behind their parents */
	size_t n;
} ArmorPolicy;

void armor_policy_done(ArmorPolicy *p);
#define _cleanup_armor_policy_ _cleanup_(armor_policy_done)

/* Whether profiles of this kind decide on @class. */
bool armor_mediates(const ArmorProfile *p, uint8_t class);

/*
 * Returns 0 and at least one profile; -EINVAL for what is malformed, -EFBIG over ARMOR_PACKED_MAX,
 * -E2BIG for more profiles than ARMOR_PROFILES_MAX, -EOPNOTSUPP for what vkernel can not enforce,
 * -ENOMEM; report->error says more.
 */
int armor_unpack(const void *packed, size_t size, ArmorPolicy *ret, ProfileReport *report);
