/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A profile is a struct of fields in one order, of which some may be missing. Its hats and children
 * follow as profiles of their own.
 */
#include "vkerneld/apparmor/unpack.h"

#include <ctype.h>
#include <string.h>

#include "proto/util.h"
#include "vkerneld/apparmor/cursor.h"
#include "vkerneld/apparmor/dfa.h"

/* Of the header's version; the rest of it says what the parser and the policy knew. */
#define VERSION_FORMAT 0x3ff
#define VERSION_COMPLAIN 0x800
#define VERSION_OLDEST 5
#define VERSION_NEWEST 9

#define FLAG_HAT 0x1
#define FLAGS_DEBUG 0x6 /* the kernel would log more */

#define MODE_PROMPT 4

#define PATH_FLAGS                                                                 \
	(ARMOR_ATTACH_DISCONNECTED | ARMOR_CHROOT_RELATIVE | ARMOR_CHROOT_ATTACH | \
	 ARMOR_DELEGATE_DELETED | ARMOR_MEDIATE_DELETED)

static void free_strings(char **strings, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(strings[i]);
	free(strings);
}

static void profile_done(ArmorProfile *p)
{
	free(p->name);
	free(p->disconnected);
	free(p->families);
	free(p->policy);
	free(p->file);
	free_strings(p->transitions, p->n_transitions);
}

void armor_policy_done(ArmorPolicy *p)
{
	for (size_t i = 0; i < p->n; i++)
		profile_done(&p->profiles[i]);
	free(p->profiles);
	*p = (ArmorPolicy){};
}

bool armor_mediates(const ArmorProfile *p, uint8_t class)
{
	return p->policy && vk_dfa_next(p->policy, p->policy->start, class) != VK_DFA_NOMATCH;
}

static int unsupported(const Cursor *c, const char *what)
{
	return profile_fail(c->report, -EOPNOTSUPP, "%s can not be enforced by vkernel", what);
}

/* A string without a NUL inside. */
static int copy_string(const Cursor *c, const char *text, size_t size, char **ret)
{
	if (strlen(text) != size)
		return expected(c, "string without a NUL");
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static int read_header(Cursor *c, bool first, uint32_t *version)
{
	const uint32_t before = *version;
	const char *namespace;
	size_t size;

	if (!take_u32(c, "version", version) && first)
		return expected(c, "version");
	if (!first && *version != before)
		return expected(c, "version like that of the first profile");
	if ((*version & VERSION_FORMAT) < VERSION_OLDEST ||
	    (*version & VERSION_FORMAT) > VERSION_NEWEST)
		return profile_fail(c->report, -EOPNOTSUPP,
				    "version %u of the packed policy is unknown",
				    *version & VERSION_FORMAT);
	if (take_string(c, "namespace", &namespace, &size))
		return unsupported(c, "a profile in a namespace of policies");
	return 0;
}

static int read_name(Cursor *c, ArmorProfile *p)
{
	const char *text;
	size_t size;

	if (!take_struct(c, "profile"))
		return expected(c, "profile");
	if (!take_string(c, NULL, &text, &size) || size == 0)
		return expected(c, "name of a profile");
	if (*text == ':')
		return unsupported(c, "a profile in a namespace of policies");
	return copy_string(c, text, size, &p->name);
}

/* Which programs the profile is for by itself: a container's is chosen by its configuration. */
static int skip_attachment(Cursor *c)
{
	const uint8_t *blob;
	const char *text;
	uint32_t length;
	size_t size;

	(void)take_string(c, "rename", &text, &size);
	(void)take_string(c, "attach", &text, &size);
	if (take_struct(c, "perms"))
		return unsupported(c, "a table of permissions");
	if (take_blob(c, "aadfa", &blob, &size) && !take_u32(c, NULL, &length))
		return expected(c, "length of an attachment");
	return 0;
}

static int read_disconnected(Cursor *c, ArmorProfile *p)
{
	const char *text;
	size_t size;

	if (!take_string(c, "disconnected", &text, &size))
		return 0;
	return copy_string(c, text, size, &p->disconnected);
}

static int read_mode(Cursor *c, uint32_t version, ArmorProfile *p)
{
	uint32_t mode;

	if (!take_u32(c, NULL, &mode))
		return expected(c, "mode");
	if (mode == MODE_PROMPT)
		return unsupported(c, "the flag prompt");
	if (mode > ARMOR_UNCONFINED)
		return expected(c, "mode that is known");
	p->mode = version & VERSION_COMPLAIN ? ARMOR_COMPLAIN : (ArmorMode)mode;
	return 0;
}

static int read_flags(Cursor *c, uint32_t version, ArmorProfile *p)
{
	uint32_t flags, audit;
	int r;

	if (!take_struct(c, "flags") || !take_u32(c, NULL, &flags))
		return expected(c, "flags");
	if (flags & ~(uint32_t)(FLAG_HAT | FLAGS_DEBUG))
		return unsupported(c, "an unknown flag of a profile");
	r = read_mode(c, version, p);
	if (r < 0)
		return r;
	if (!take_u32(c, NULL, &audit) || !take_struct_end(c))
		return expected(c, "end of flags");
	p->hat = flags & FLAG_HAT;
	p->audit_all = audit;
	return 0;
}

static int read_path_flags(Cursor *c, ArmorProfile *p)
{
	if (!take_u32(c, "path_flags", &p->path_flags))
		p->path_flags = ARMOR_MEDIATE_DELETED;
	if (p->path_flags & ~(uint32_t)PATH_FLAGS)
		return unsupported(c, "an unknown flag of paths");
	return 0;
}

/* Half of each set. */
static bool take_capabilities(Cursor *c, ArmorCapabilities *set, unsigned int shift)
{
	uint32_t allow, audit, quiet, unused;

	if (!take_u32(c, NULL, &allow) || !take_u32(c, NULL, &audit) ||
	    !take_u32(c, NULL, &quiet) || !take_u32(c, NULL, &unused))
		return false;
	set->allow |= (uint64_t)allow << shift;
	set->audit |= (uint64_t)audit << shift;
	set->quiet |= (uint64_t)quiet << shift;
	return true;
}

static int read_capabilities(Cursor *c, ArmorCapabilities *set)
{
	uint32_t low, high;

	if (!take_capabilities(c, set, 0))
		return expected(c, "capabilities");
	if (take_struct(c, "caps64") && (!take_capabilities(c, set, 32) || !take_struct_end(c)))
		return expected(c, "capabilities from 32 on");
	if (!take_struct(c, "capsx"))
		return 0;
	if (!take_u32(c, NULL, &low) || !take_u32(c, NULL, &high) || !take_struct_end(c))
		return expected(c, "extended capabilities");
	set->extended = (uint64_t)high << 32 | low;
	return 0;
}

static int skip_xattrs(Cursor *c)
{
	const char *text;
	size_t size;
	uint16_t n;

	if (!take_struct(c, "xattrs"))
		return 0;
	if (!take_array(c, NULL, &n))
		return expected(c, "array of extended attributes");
	while (n-- > 0)
		if (!take_string(c, NULL, &text, &size))
			return expected(c, "extended attribute");
	if (!take_array_end(c) || !take_struct_end(c))
		return expected(c, "end of extended attributes");
	return 0;
}

/* AppArmor numbers them as x86 does. */
static int read_rlimits(Cursor *c, ArmorProfile *p)
{
	uint16_t n;

	if (!take_struct(c, "rlimits"))
		return 0;
	if (!take_u32(c, NULL, &p->rlimits_set) || !take_array(c, NULL, &n) || n > ARMOR_RLIMITS ||
	    p->rlimits_set >> n)
		return expected(c, "array of limits");
	for (uint16_t i = 0; i < n; i++)
		if (!take_u64(c, NULL, &p->rlimits[i]))
			return expected(c, "limit");
	if (!take_array_end(c) || !take_struct_end(c))
		return expected(c, "end of limits");
	return 0;
}

static int read_families(Cursor *c, ArmorProfile *p)
{
	ArmorFamily *f;
	uint16_t n;

	if (!take_array(c, "net_allowed_af", &n))
		return 0;
	p->families = calloc(n ? n : 1, sizeof(*p->families));
	if (!p->families)
		return -ENOMEM;
	for (p->n_families = 0; p->n_families < n; p->n_families++) {
		f = &p->families[p->n_families];
		if (!take_u16(c, NULL, &f->allow) || !take_u16(c, NULL, &f->audit) ||
		    !take_u16(c, NULL, &f->quiet))
			return expected(c, "address family");
	}
	return take_array_end(c) ? 0 : expected(c, "end of address families");
}

/*
 * An automaton is aligned to 8 bytes from where its profile began to be packed, and fills all that
 * follows, so its padding is what its own size leaves over.
 */
static int read_automaton(Cursor *c, const char *start, struct vk_dfa **ret)
{
	_cleanup_free_ struct vk_dfa *dfa = NULL;
	const uint8_t *blob;
	size_t size;
	int r;

	if (take_struct(c, "perms"))
		return unsupported(c, "a table of permissions");
	if (!take_blob(c, "aadfa", &blob, &size))
		return 0;
	r = dfa_read(blob + size % 8, size - size % 8, &dfa, c->report);
	if (r < 0)
		return r;
	(void)take_u32(c, start, &dfa->start);
	if (dfa->start >= dfa->nr_states)
		return expected(c, "state to start from");
	*ret = TAKE_PTR(dfa);
	return 0;
}

static int read_policy(Cursor *c, ArmorProfile *p)
{
	int r;

	if (!take_struct(c, "policydb"))
		return 0;
	r = read_automaton(c, "start", &p->policy);
	if (r < 0)
		return r;
	if (!p->policy)
		return expected(c, "automaton");
	return take_struct_end(c) ? 0 : expected(c, "end of rules");
}

/*
 * The target of an exec rule. In ":namespace NUL profile" the NUL stands for a colon, and nothing
 * else may have one.
 */
static int read_transition(Cursor *c, char **ret)
{
	const char *text;
	char *copy, *nul;
	size_t size;

	if (!take_string(c, NULL, &text, &size) || size == 0 || isspace((unsigned char)*text))
		return expected(c, "target of a transition");
	copy = malloc(size + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, size + 1);
	nul = memchr(copy, 0, size);
	if (nul && *copy == ':')
		*nul = ':';
	*ret = copy;
	return strlen(copy) == size ? 0 : expected(c, "target without a NUL");
}

static int read_transitions(Cursor *c, ArmorProfile *p)
{
	uint16_t n;
	int r;

	if (!take_struct(c, "xtable"))
		return 0;
	if (!take_array(c, NULL, &n))
		return expected(c, "array of transitions");
	p->transitions = calloc(n ? n : 1, sizeof(*p->transitions));
	if (!p->transitions)
		return -ENOMEM;
	for (p->n_transitions = 0; p->n_transitions < n;) {
		r = read_transition(c, &p->transitions[p->n_transitions++]);
		if (r < 0)
			return r;
	}
	if (!take_array_end(c) || !take_struct_end(c))
		return expected(c, "end of transitions");
	return 0;
}

static bool target_valid(const ArmorProfile *p, uint32_t accept)
{
	uint32_t target =
		accept >> (ARMOR_EXEC_SHIFT + ARMOR_EXEC_TARGET_SHIFT) & ARMOR_TARGET_MASK;

	return target < ARMOR_TARGET_FIRST || target - ARMOR_TARGET_FIRST < p->n_transitions;
}

static int check_transitions(const Cursor *c, const ArmorProfile *p)
{
	uint32_t accept;

	for (uint32_t i = 0; i < p->file->nr_states; i++) {
		accept = p->file->states[i].accept;
		if (!target_valid(p, accept) || !target_valid(p, accept >> ARMOR_OTHER_SHIFT))
			return expected(c, "transition that a rule names");
	}
	return 0;
}

/*
 * Newer formats have no automaton for files: what the other one does behind their class is meant.
 * If that leads nowhere, it only says that files are mediated.
 */
static int check_no_file(const Cursor *c, const ArmorProfile *p)
{
	uint32_t state;

	if (!p->policy)
		return 0;
	state = vk_dfa_next(p->policy, p->policy->start, ARMOR_CLASS_FILE);
	for (uint32_t byte = 0; byte < 256; byte++)
		if (vk_dfa_next(p->policy, state, (uint8_t)byte) != VK_DFA_NOMATCH)
			return unsupported(c, "a profile with files among the other rules");
	return 0;
}

static int read_file(Cursor *c, ArmorProfile *p)
{
	int r = read_automaton(c, "dfa_start", &p->file);

	/* Rules on pivot_root have targets, too. */
	if (r == 0)
		r = read_transitions(c, p);
	if (r < 0)
		return r;
	return p->file ? check_transitions(c, p) : check_no_file(c, p);
}

/* What a profile carries for others than the kernel. */
static int skip_data(Cursor *c)
{
	const uint8_t *blob;
	const char *text;
	size_t size;

	if (!take_struct(c, "data"))
		return 0;
	while (take_string(c, NULL, &text, &size))
		if (!take_blob(c, NULL, &blob, &size))
			return expected(c, "data");
	return take_struct_end(c) ? 0 : expected(c, "end of data");
}

static int read_limits(Cursor *c, ArmorProfile *p)
{
	int r;

	r = read_capabilities(c, &p->capabilities);
	if (r == 0)
		r = skip_xattrs(c);
	if (r == 0)
		r = read_rlimits(c, p);
	if (r == 0 && take_struct(c, "secmark"))
		r = unsupported(c, "a label of packets");
	if (r == 0)
		r = read_families(c, p);
	return r;
}

static int read_rules(Cursor *c, ArmorProfile *p)
{
	int r;

	r = read_policy(c, p);
	if (r == 0)
		r = read_file(c, p);
	if (r == 0)
		r = skip_data(c);
	return r;
}

static int read_profile(Cursor *c, uint32_t version, ArmorProfile *p)
{
	int r;

	r = read_name(c, p);
	if (r == 0)
		r = skip_attachment(c);
	if (r == 0)
		r = read_disconnected(c, p);
	if (r == 0)
		r = read_flags(c, version, p);
	if (r == 0)
		r = read_path_flags(c, p);
	if (r == 0)
		r = read_limits(c, p);
	if (r == 0)
		r = read_rules(c, p);
	if (r == 0 && !take_struct_end(c))
		r = expected(c, "end of the profile");
	return r;
}

static int read_profiles(Cursor *c, ArmorPolicy *policy)
{
	int r;

	policy->profiles = calloc(ARMOR_PROFILES_MAX, sizeof(*policy->profiles));
	if (!policy->profiles)
		return -ENOMEM;
	do {
		if (policy->n == ARMOR_PROFILES_MAX)
			return profile_fail(c->report, -E2BIG, "more than %d profiles in one",
					    ARMOR_PROFILES_MAX);
		r = read_header(c, policy->n == 0, &policy->version);
		if (r == 0)
			r = read_profile(c, policy->version, &policy->profiles[policy->n++]);
	} while (r == 0 && c->at < c->size);
	return r;
}

int armor_unpack(const void *packed, size_t size, ArmorPolicy *ret, ProfileReport *report)
{
	Cursor c = { .data = packed, .size = size, .report = report };
	ArmorPolicy policy = {};
	int r;

	if (size > ARMOR_PACKED_MAX)
		return profile_fail(report, -EFBIG, "the packed policy is larger than %u bytes",
				    ARMOR_PACKED_MAX);
	r = read_profiles(&c, &policy);
	if (r < 0) {
		armor_policy_done(&policy);
		if (!report->error)
			return profile_fail(report, r, "the packed policy can not be read: %s",
					    strerror(-r));
		return r;
	}
	*ret = policy;
	return 0;
}
