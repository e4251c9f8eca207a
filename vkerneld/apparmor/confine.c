/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/apparmor/confine.h"

#include <stdarg.h>
#include <string.h>

#include "proto/util.h"
#include "vkerneld/apparmor/exec.h"

#define OTHER_MAY ARMOR_ALL
#define OTHER_SAID (ARMOR_ALL | ARMOR_ALL << ARMOR_QUIET_SHIFT)

/* Of the other automaton's words behind a family and a type. */
#define SOCKET_CREATE 0x10

/* Of accept in the file automaton. */
#define CHANGES_PROFILE 0xc0000000u

#define TRACE_ALL (VK_MAY_TRACE | VK_MAY_TRACE_READ | VK_MAY_BE_TRACED | VK_MAY_BE_READ)

_Static_assert(sizeof(struct vk_confinement) % 8 == 0, "automata are aligned");
_Static_assert(VK_NR_RLIMITS == ARMOR_RLIMITS, "limits are copied");

static Quoted name_of(const ArmorProfile *p)
{
	return quoted(p->name, strlen(p->name));
}

static int unsupported(const ArmorProfile *p, const char *what, ProfileReport *report)
{
	return profile_fail(report, -EOPNOTSUPP, "profile %s: vkernel can not enforce %s; drop it",
			    name_of(p).text, what);
}

static bool is_top(const ArmorProfile *p)
{
	return !p->hat && !strstr(p->name, "//");
}

static int refuse_many(const ArmorPolicy *policy, ProfileReport *report)
{
	_cleanup_free_ char *names = NULL;
	size_t size;
	FILE *f = open_memstream(&names, &size);

	if (!f)
		return -ENOMEM;
	for (size_t i = 0, n = 0; i < policy->n; i++)
		if (is_top(&policy->profiles[i]) && ++n <= 8)
			fprintf(f, "%s%s", n > 1 ? ", " : "", name_of(&policy->profiles[i]).text);
	if (fclose(f) != 0)
		return -ENOMEM;
	return profile_fail(report, -EINVAL, "the text has the profiles %s: name one", names);
}

static int find_named(const ArmorPolicy *policy, const char *name, const ArmorProfile **ret,
		      ProfileReport *report)
{
	for (size_t i = 0; i < policy->n; i++)
		if (strcmp(policy->profiles[i].name, name) == 0) {
			*ret = &policy->profiles[i];
			return 0;
		}
	return profile_fail(report, -ENOENT, "the text has no profile %s",
			    quoted(name, strlen(name)).text);
}

static int find_only(const ArmorPolicy *policy, const ArmorProfile **ret, ProfileReport *report)
{
	const ArmorProfile *found = NULL;

	for (size_t i = 0; i < policy->n; i++) {
		if (!is_top(&policy->profiles[i]))
			continue;
		if (found)
			return refuse_many(policy, report);
		found = &policy->profiles[i];
	}
	*ret = found ? found : policy->profiles;
	return 0;
}

static int check_flags(const ArmorProfile *p, ProfileReport *report)
{
	if (strlen(p->name) > VK_LABEL_MAX)
		return profile_fail(report, -EINVAL, "profile %s: its name is over %u bytes",
				    name_of(p).text, VK_LABEL_MAX);
	if (p->disconnected)
		return unsupported(p, "the flag attach_disconnected.path", report);
	if (p->path_flags & ARMOR_CHROOT_ATTACH)
		return unsupported(p, "the flag chroot_attach", report);
	if (p->path_flags & ARMOR_DELEGATE_DELETED)
		return unsupported(p, "the flag delegate_deleted", report);
	return 0;
}

static bool changes_profile(const ArmorProfile *p)
{
	for (uint32_t i = 0; p->file && i < p->file->nr_states; i++)
		if (p->file->states[i].accept & CHANGES_PROFILE)
			return true;
	return false;
}

/* What would lead to them is refused, or, if the program asks, has no effect. */
static void warn_unreached(const ArmorPolicy *policy, const ArmorProfile *p, ProfileReport *report)
{
	const size_t length = strlen(p->name);

	for (size_t i = 0; i < policy->n; i++) {
		const ArmorProfile *other = &policy->profiles[i];

		if (strncmp(other->name, p->name, length) == 0 &&
		    strncmp(other->name + length, "//", 2) == 0)
			profile_warn(report,
				     "profile %s is never entered: a container keeps its own, "
				     "ignoring",
				     name_of(other).text);
	}
	if (changes_profile(p))
		profile_warn(report,
			     "profile %s: a container keeps its profile, ignoring change_profile",
			     name_of(p).text);
}

/* Where each part lies. */
typedef struct Layout {
	uint64_t file, other, label, size;
} Layout;

static Layout lay_out(const ArmorProfile *p)
{
	Layout l = { .size = sizeof(struct vk_confinement) };

	if (p->file) {
		l.file = l.size;
		l.size += vk_dfa_size(p->file);
	}
	if (p->policy) {
		l.other = l.size;
		l.size += vk_dfa_size(p->policy);
	}
	l.label = l.size;
	l.size += strlen(p->name) + 1;
	l.size = (l.size + 7) & ~7ull;
	return l;
}

static int allocate(const ArmorProfile *p, struct vk_confinement **ret, ProfileReport *report)
{
	const Layout l = lay_out(p);
	struct vk_confinement *c;

	if (l.size > VK_POLICY_MAX_SIZE - sizeof(Policy) - VK_MAX_NODES * sizeof(struct vk_node))
		return profile_fail(report, -E2BIG,
				    "profile %s: its automata take more than a policy has room "
				    "for; use fewer patterns",
				    name_of(p).text);
	c = calloc(1, l.size);
	if (!c)
		return -ENOMEM;
	c->size = (uint32_t)l.size;
	c->file = (uint32_t)l.file;
	c->other = (uint32_t)l.other;
	c->label = (uint32_t)l.label;
	if (p->file)
		memcpy((char *)c + c->file, p->file, vk_dfa_size(p->file));
	if (p->policy)
		memcpy((char *)c + c->other, p->policy, vk_dfa_size(p->policy));
	strcpy((char *)c + c->label, p->name);
	*ret = c;
	return 0;
}

static struct vk_dfa *automaton(struct vk_confinement *c, uint32_t place)
{
	return place ? (struct vk_dfa *)((char *)c + place) : NULL;
}

static uint32_t mode_flags(const ArmorProfile *p)
{
	static const struct {
		uint32_t armor, flag;
	} paths[] = {
		{ ARMOR_ATTACH_DISCONNECTED, VK_CONFINE_ATTACH_DISCONNECTED },
		{ ARMOR_CHROOT_RELATIVE, VK_CONFINE_CHROOT_RELATIVE },
		{ ARMOR_MEDIATE_DELETED, VK_CONFINE_MEDIATE_DELETED },
	};
	uint32_t flags = 0;

	for (size_t i = 0; i < ELEMENTSOF(paths); i++)
		if (p->path_flags & paths[i].armor)
			flags |= paths[i].flag;
	if (p->mode == ARMOR_COMPLAIN)
		flags |= VK_CONFINE_COMPLAIN;
	if (p->mode == ARMOR_KILL)
		flags |= VK_CONFINE_KILL;
	return flags;
}

/* Without a rule on files or capabilities none is permitted; of the others, all would be. */
static uint32_t classes(const ArmorProfile *p)
{
	static const struct {
		uint8_t match;
		enum vk_class class;
	} others[] = {
		{ ARMOR_CLASS_NETWORK, VK_CLASS_NETWORK },
		{ ARMOR_CLASS_MOUNT, VK_CLASS_MOUNT },
		{ ARMOR_CLASS_SIGNAL, VK_CLASS_SIGNAL },
		{ ARMOR_CLASS_PTRACE, VK_CLASS_PTRACE },
	};
	uint32_t mediates = VK_CLASS_BIT(VK_CLASS_FILE) | VK_CLASS_BIT(VK_CLASS_CAPABILITY);

	for (size_t i = 0; i < ELEMENTSOF(others); i++)
		if (armor_mediates(p, others[i].match))
			mediates |= VK_CLASS_BIT(others[i].class);
	if (p->families)
		mediates |= VK_CLASS_BIT(VK_CLASS_NETWORK);
	if (p->rlimits_set)
		mediates |= VK_CLASS_BIT(VK_CLASS_RLIMIT);
	return mediates;
}

static void settle_other(struct vk_dfa *dfa)
{
	for (uint32_t i = 0; dfa && i < dfa->nr_states; i++) {
		dfa->states[i].accept &= OTHER_MAY;
		dfa->states[i].accept2 &= OTHER_SAID;
	}
}

/* The flag audit: all that is permitted is reported. */
static void audit_all(struct vk_dfa *dfa, uint32_t bits)
{
	for (uint32_t i = 0; dfa && i < dfa->nr_states; i++)
		if (i != VK_DFA_NOMATCH)
			dfa->states[i].accept2 |= bits;
}

static bool audits(const struct vk_dfa *dfa, uint32_t bits)
{
	for (uint32_t i = 0; dfa && i < dfa->nr_states; i++)
		if (dfa->states[i].accept & dfa->states[i].accept2 & bits)
			return true;
	return false;
}

static void set_socket(struct vk_confinement *c, unsigned int family, unsigned int type)
{
	const uint8_t bytes[] = { 0, (uint8_t)family, 0, (uint8_t)type };
	const uint16_t bit = (uint16_t)(1u << type);
	const struct vk_dfa *dfa = vk_confinement_other(c);
	const struct vk_dfa_state *s;

	s = &dfa->states[vk_dfa_match(dfa, vk_class_start(dfa, ARMOR_CLASS_NETWORK), bytes,
				      sizeof(bytes))];
	if (s->accept & SOCKET_CREATE)
		c->sockets[family] |= bit;
	if (s->accept2 & SOCKET_CREATE)
		c->sockets_audit[family] |= bit;
	if (s->accept2 >> VK_QUIET_SHIFT & SOCKET_CREATE)
		c->sockets_quiet[family] |= bit;
}

/* As old packed policies have them, or as the automaton does. */
static void set_sockets(struct vk_confinement *c, const ArmorProfile *p)
{
	for (unsigned int f = 0; f < VK_NR_FAMILIES; f++) {
		if (f < p->n_families) {
			c->sockets[f] = p->families[f].allow;
			c->sockets_audit[f] = p->families[f].audit;
			c->sockets_quiet[f] = p->families[f].quiet;
		}
		for (unsigned int t = 0; !p->families && c->other && t < VK_NR_SOCKET_TYPES; t++)
			set_socket(c, f, t);
		if (p->audit_all)
			c->sockets_audit[f] = UINT16_MAX;
	}
}

static void set_capabilities(struct vk_confinement *c, const ArmorProfile *p)
{
	c->capabilities = p->capabilities.allow;
	c->capabilities_audit = p->audit_all ? UINT64_MAX : p->capabilities.audit;
	c->capabilities_quiet = p->capabilities.quiet;
}

static void set_peer(struct vk_peer *peer, const struct vk_dfa *dfa, const char *label)
{
	for (int sig = 0; dfa && sig < VK_NR_SIGNALS; sig++) {
		const uint32_t may = dfa->states[vk_signal_state(dfa, sig, label)].accept;
		const uint64_t bit = 1ull << sig % 64;

		if (may & VK_MAY_SEND)
			peer->send[sig / 64] |= bit;
		if (may & VK_MAY_RECEIVE)
			peer->receive[sig / 64] |= bit;
	}
	if (dfa)
		peer->trace = dfa->states[vk_ptrace_state(dfa, label)].accept & TRACE_ALL;
}

static bool audits_sockets(const struct vk_confinement *c)
{
	for (unsigned int f = 0; f < VK_NR_FAMILIES; f++)
		if (c->sockets[f] & c->sockets_audit[f])
			return true;
	return false;
}

static void fill(struct vk_confinement *c, const ArmorProfile *p)
{
	const uint32_t file = ARMOR_ALL | ARMOR_ALL << ARMOR_OTHER_SHIFT;
	struct vk_dfa *other = automaton(c, c->other);

	settle_other(other);
	if (p->audit_all) {
		audit_all(automaton(c, c->file), file);
		audit_all(other, OTHER_MAY);
	}
	c->flags = mode_flags(p);
	c->mediates = classes(p);
	set_capabilities(c, p);
	set_sockets(c, p);
	set_peer(&c->own, other, p->name);
	set_peer(&c->host, other, VK_LABEL_HOST);
	c->rlimits_set = p->rlimits_set;
	memcpy(c->rlimits, p->rlimits, sizeof(c->rlimits));
	if (audits(automaton(c, c->file), file) || audits(other, OTHER_MAY) || audits_sockets(c) ||
	    c->capabilities & c->capabilities_audit)
		c->flags |= VK_CONFINE_AUDITS;
}

static int confine(const ArmorProfile *p, const ArmorChoice *choice, struct vk_confinement **ret,
		   ProfileReport *report)
{
	_cleanup_free_ struct vk_confinement *c = NULL;
	int r;

	r = check_flags(p, report);
	if (r == 0)
		r = allocate(p, &c, report);
	if (r == 0 && c->file)
		r = exec_settle(p, choice->exec_inherit, automaton(c, c->file), report);
	if (r < 0)
		return r;
	fill(c, p);
	if (!vk_confinement_valid(c, c->size))
		return profile_fail(report, -EINVAL, "profile %s: no confinement can be made of it",
				    name_of(p).text);
	*ret = TAKE_PTR(c);
	return 0;
}

int armor_confine(const ArmorPolicy *policy, const ArmorChoice *choice, struct vk_confinement **ret,
		  ProfileReport *report)
{
	struct vk_confinement *c = NULL;
	const ArmorProfile *p = NULL;
	int r;

	if (choice->profile)
		r = find_named(policy, choice->profile, &p, report);
	else
		r = find_only(policy, &p, report);
	if (r == 0 && p->mode != ARMOR_UNCONFINED) {
		warn_unreached(policy, p, report);
		r = confine(p, choice, &c, report);
	}
	if (r < 0)
		return report->error ? r
				     : profile_fail(report, r, "the profile can not be read: %s",
						    strerror(-r));
	*ret = c;
	return 0;
}
