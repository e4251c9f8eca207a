/* SPDX-License-Identifier: GPL-2.0 OR LGPL-2.1-or-later */
/*
 * Confinements: what AppArmor profiles say, of everything but system calls. A policy has none, or
 * some, one behind the other; an operation has to be permitted by each of those that rule its
 * class, as by stacked profiles. Like a policy, one is flat and without pointers, and these are
 * pure functions, compiled into the core and into user space.
 */
#ifndef _VKERNEL_CONFINE_H
#define _VKERNEL_CONFINE_H

#include <vkernel/dfa.h>
#include <vkernel/policy.h>

enum vk_class {
	VK_CLASS_FILE,
	VK_CLASS_CAPABILITY,
	VK_CLASS_NETWORK,
	VK_CLASS_MOUNT,
	VK_CLASS_SIGNAL,
	VK_CLASS_PTRACE,
	VK_CLASS_RLIMIT,
	VK_NR_CLASSES
};

#define VK_CLASS_BIT(class) (1u << (class))
#define VK_CLASS_ALL ((1u << VK_NR_CLASSES) - 1)

/* Of vk_confinement.flags. */
#define VK_CONFINE_COMPLAIN 0x1 /* report what would be refused, let it pass */
#define VK_CONFINE_KILL 0x2 /* whoever is refused something is killed */
#define VK_CONFINE_AUDITS 0x4 /* some rule asks to report what it permits */
#define VK_CONFINE_ATTACH_DISCONNECTED 0x8 /* paths from elsewhere begin at the root */
#define VK_CONFINE_CHROOT_RELATIVE 0x10 /* paths begin at the task's root */
#define VK_CONFINE_MEDIATE_DELETED 0x20 /* a deleted file has its old path, else none */
#define VK_CONFINE_MASKS 0x40 /* paths that the container's configuration masks are in it */
#define VK_CONFINE_UNNAMED 0x80 /* it has a name for people only: as a peer, its tasks have none by it */
#define VK_CONFINE_FLAGS 0xffu

/*
 * Accept words of both automata have permissions in the lowest seven bits. Of accept2, the seven
 * lowest are reported though permitted, and the next seven are refused without a report.
 */
#define VK_MAY_MASK 0x7f
#define VK_QUIET_SHIFT 7

/* Files: for the file's owner; for others shifted. */
#define VK_MAY_EXEC 0x1
#define VK_MAY_WRITE 0x2
#define VK_MAY_READ 0x4
#define VK_MAY_APPEND 0x8
#define VK_MAY_LINK 0x10
#define VK_MAY_LOCK 0x20
#define VK_MAY_LINK_SUBSET 0x20 /* behind a pair's NUL: the link may no more than its target */
#define VK_MAY_MMAP_EXEC 0x40
#define VK_OTHER_SHIFT 14
/* Of accept: the path is masked, and the null device that covers it may be opened. */
#define VK_FILE_MASKED 0x80000000u
/* Of accept: the path is masked or read-only, so that its file may have no other name. */
#define VK_FILE_KEPT 0x40000000u

/* Mounts; the path of the mount point is matched, then as kmod/mount.c says. */
#define VK_MATCH_MOUNT 7 /* the first byte, as AppArmor numbers classes */
#define VK_MAY_PIVOT_ROOT 0x1
#define VK_MAY_MOUNT 0x2
#define VK_MAY_UMOUNT 0x4
#define VK_MOUNT_DATA 0x40 /* permits nothing: behind a NUL the mount's data decides */

/* Tracing; the peer's label is matched. */
#define VK_MATCH_PTRACE 9
#define VK_MAY_TRACE 0x2
#define VK_MAY_TRACE_READ 0x4
#define VK_MAY_BE_TRACED 0x8
#define VK_MAY_BE_READ 0x10

/* Signals; vk_signal_word() and the peer's label are matched. */
#define VK_MATCH_SIGNAL 10
#define VK_MAY_SEND 0x2
#define VK_MAY_RECEIVE 0x4
#define VK_NR_SIGNALS 65

/* Sockets; their verdicts are worked out beforehand. */
#define VK_NR_FAMILIES 64
#define VK_NR_SOCKET_TYPES 16

#define VK_NR_RLIMITS 16
#define VK_LABEL_MAX 4095
#define VK_LABEL_HOST "unconfined"

/* What may be done to tasks of one label, and suffered from them, worked out beforehand. */
struct vk_peer {
	__u64 send[2]; /* signals, bit by number */
	__u64 receive[2];
	__u32 trace;
	__u32 pad; /* zero */
};

struct vk_confinement {
	__u32 size; /* of all its bytes, a multiple of 8 */
	__u32 flags;
	__u32 mediates; /* classes, by bit */
	__u32 label; /* where its name is, which ends with a NUL; as all places here, from its start */
	__u32 file; /* an automaton over paths, or 0: none is permitted */
	__u32 other; /* an automaton over mounts, signals and tracing, or 0 */
	__u64 capabilities; /* that it leaves, by bit */
	__u64 capabilities_audit, capabilities_quiet;
	struct vk_peer own; /* tasks of this label */
	struct vk_peer host; /* tasks that no virtual kernel confines: VK_LABEL_HOST */
	__u16 sockets[VK_NR_FAMILIES]; /* types that may be created, by bit */
	__u16 sockets_audit[VK_NR_FAMILIES], sockets_quiet[VK_NR_FAMILIES];
	__u32 rlimits_set; /* bit by number */
	__u32 pad; /* zero */
	__u64 rlimits[VK_NR_RLIMITS]; /* what a task may set them to at most */
};

static inline const struct vk_confinement *vk_confinement_first(const struct vk_policy *policy)
{
	return (const struct vk_confinement *)(policy->nodes + policy->nr_nodes);
}

static inline const struct vk_confinement *vk_confinement_next(const struct vk_confinement *c)
{
	return (const struct vk_confinement *)((const char *)c + c->size);
}

static inline const void *vk_policy_end(const struct vk_policy *policy)
{
	return (const char *)policy + policy->size;
}

#define vk_for_each_confinement(c, policy)                                           \
	for ((c) = vk_confinement_first(policy); (const void *)(c) < vk_policy_end(policy); \
	     (c) = vk_confinement_next(c))

static inline const char *vk_confinement_label(const struct vk_confinement *c)
{
	return (const char *)c + c->label;
}

static inline const struct vk_dfa *vk_confinement_file(const struct vk_confinement *c)
{
	return c->file ? (const struct vk_dfa *)((const char *)c + c->file) : (void *)0;
}

static inline const struct vk_dfa *vk_confinement_other(const struct vk_confinement *c)
{
	return c->other ? (const struct vk_dfa *)((const char *)c + c->other) : (void *)0;
}

/* How a signal is worded for the automaton: x86's numbers, but for the one that only asks. */
static inline __u8 vk_signal_word(int sig)
{
	if (!sig)
		return 35;
	return (__u8)(sig < 32 ? sig : 128 + sig - 32);
}

/* Where the rules of a class begin; VK_DFA_NOMATCH without any. */
static inline __u32 vk_class_start(const struct vk_dfa *dfa, __u8 match)
{
	return dfa ? vk_dfa_next(dfa, dfa->start, match) : VK_DFA_NOMATCH;
}

static inline __u32 vk_dfa_match_string(const struct vk_dfa *dfa, __u32 state, const char *text)
{
	while (*text && state != VK_DFA_NOMATCH)
		state = vk_dfa_next(dfa, state, (__u8)*text++);
	return state;
}

/* The state that decides on a signal to or from, or on tracing of or by, tasks of @label. */
static inline __u32 vk_signal_state(const struct vk_dfa *dfa, int sig, const char *label)
{
	__u32 state = vk_class_start(dfa, VK_MATCH_SIGNAL);

	if (state != VK_DFA_NOMATCH)
		state = vk_dfa_next(dfa, state, vk_signal_word(sig));
	return state ? vk_dfa_match_string(dfa, state, label) : VK_DFA_NOMATCH;
}

static inline __u32 vk_ptrace_state(const struct vk_dfa *dfa, const char *label)
{
	__u32 state = vk_class_start(dfa, VK_MATCH_PTRACE);

	return state ? vk_dfa_match_string(dfa, state, label) : VK_DFA_NOMATCH;
}

/* What @owner or else others may do to a file whose path leads to the state. */
static inline __u32 vk_file_allowed(const struct vk_dfa *dfa, __u32 state, int owner)
{
	return (dfa->states[state].accept >> (owner ? 0 : VK_OTHER_SHIFT)) & VK_MAY_MASK;
}

static inline __u32 vk_file_audited(const struct vk_dfa *dfa, __u32 state, int owner)
{
	return (dfa->states[state].accept2 >> (owner ? 0 : VK_OTHER_SHIFT)) & VK_MAY_MASK;
}

static inline __u32 vk_file_quiet(const struct vk_dfa *dfa, __u32 state, int owner)
{
	return (dfa->states[state].accept2 >> (VK_QUIET_SHIFT + (owner ? 0 : VK_OTHER_SHIFT))) &
	       VK_MAY_MASK;
}

static inline int vk_file_masked(const struct vk_dfa *dfa, __u32 state)
{
	return !!(dfa->states[state].accept & VK_FILE_MASKED);
}

static inline int vk_file_kept(const struct vk_dfa *dfa, __u32 state)
{
	return !!(dfa->states[state].accept & VK_FILE_KEPT);
}

/* Whether an automaton lies at @place of @c and ends within it. */
static inline int vk_automaton_valid(const struct vk_confinement *c, __u32 place)
{
	const struct vk_dfa *dfa = (const struct vk_dfa *)((const char *)c + place);

	if (!place)
		return 1;
	if (place % 8 || place < sizeof(*c) || place > c->size ||
	    c->size - place < sizeof(struct vk_dfa) || vk_dfa_size(dfa) > c->size - place)
		return 0;
	return vk_dfa_valid(dfa, vk_dfa_size(dfa));
}

static inline int vk_label_valid(const struct vk_confinement *c)
{
	__u32 i;

	if (c->label < sizeof(*c) || c->label >= c->size)
		return 0;
	for (i = 0; c->label + i < c->size && i <= VK_LABEL_MAX; i++)
		if (!((const char *)c)[c->label + i])
			return i > 0;
	return 0;
}

/* Whether one lies in @left bytes, and no walk of it leads out. */
static inline int vk_confinement_valid(const struct vk_confinement *c, __u64 left)
{
	if (left < sizeof(*c) || c->size < sizeof(*c) || c->size > left || c->size % 8)
		return 0;
	if (c->flags & ~VK_CONFINE_FLAGS || c->mediates & ~VK_CLASS_ALL || c->pad ||
	    c->own.pad || c->host.pad || c->rlimits_set >> VK_NR_RLIMITS)
		return 0;
	return vk_label_valid(c) && vk_automaton_valid(c, c->file) &&
	       vk_automaton_valid(c, c->other);
}

/* Whether all lie in the policy one behind the other, and its head says what they sum up to. */
static inline int vk_confinements_valid(const struct vk_policy *policy)
{
	const struct vk_confinement *c;
	__u64 capabilities = ~0ull;
	__u32 mediates = 0;

	if (policy->size > VK_POLICY_MAX_SIZE || policy->nr_nodes > VK_MAX_NODES ||
	    policy->size < sizeof(*policy) + (__u64)policy->nr_nodes * sizeof(struct vk_node))
		return 0;
	vk_for_each_confinement(c, policy) {
		if (!vk_confinement_valid(c, (__u64)((const char *)vk_policy_end(policy) -
						     (const char *)c)))
			return 0;
		mediates |= c->mediates;
		if (c->mediates & VK_CLASS_BIT(VK_CLASS_CAPABILITY) &&
		    !(c->flags & VK_CONFINE_COMPLAIN))
			capabilities &= c->capabilities;
	}
	return policy->mediates == mediates && policy->capabilities == capabilities;
}

#endif
