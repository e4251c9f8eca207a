/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Random rules: what the automaton permits at a path is what a matcher of globs says. */
#include <stdbool.h>
#include <stdio.h>

#include "tests/unit/armor.h"

#define PROFILES 150
#define PATHS 14000
#define RULES_MAX 8
#define SEED 20261124

static uint64_t random_state;

static unsigned int below(unsigned int n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned int)(random_state >> 33) % n;
}

/* A text that is cut when it would grow too long. */
typedef struct Text {
	char text[128];
	size_t size;
} Text;

static void add(Text *t, const char *text)
{
	for (; *text && t->size + 1 < sizeof(t->text); text++)
		t->text[t->size++] = *text;
	t->text[t->size] = '\0';
}

/* Behind the '}' that ends the group, from anywhere in it. */
static const char *behind_group(const char *p)
{
	for (int depth = 1; depth > 0; p++) {
		if (*p == '\\' || *p == '[')
			p = *p == '[' ? strchr(p, ']') : p + 1;
		else if (*p == '{')
			depth++;
		else if (*p == '}')
			depth--;
	}
	return p;
}

/* The next alternative of the group that @p is in, or NULL. */
static const char *next_alternative(const char *p)
{
	for (; *p != '}'; p++) {
		if (*p == ',')
			return p + 1;
		if (*p == '\\')
			p++;
		else if (*p == '[')
			p = strchr(p, ']');
		else if (*p == '{')
			p = behind_group(p + 1) - 1;
	}
	return NULL;
}

static bool in_class(const char *p, char c)
{
	const bool negated = *p == '^';
	bool found = false;

	for (p += negated; *p != ']'; p++) {
		found |= *p == c || (p[1] == '-' && *p <= c && c <= p[2]);
		if (p[1] == '-')
			p += 2;
	}
	return c && found != negated;
}

static bool glob(const char *p, const char *s);

/* Of a whole component, or of whole components, a star is at least one byte, and no slash first. */
static bool glob_star(const char *p, const char *s)
{
	const bool slashes = p[1] == '*';
	const char *rest = p + 1 + slashes;
	const bool some = p[-1] == '/' && (*rest == '/' || !*rest);

	if (some && *s == '/')
		return false;
	for (size_t n = 0;; n++) {
		if ((n || !some) && glob(rest, s + n))
			return true;
		if (!s[n] || (s[n] == '/' && !slashes))
			return false;
	}
}

/* Whether all of @s is matched by @p, a part of a pattern that goes to its end. */
static bool glob(const char *p, const char *s)
{
	switch (*p) {
	case '\0':
		return !*s;
	case '*':
		return glob_star(p, s);
	case '?':
		return *s && *s != '/' && glob(p + 1, s + 1);
	case '[':
		return in_class(p + 1, *s) && glob(strchr(p, ']') + 1, s + 1);
	case '{':
		for (p++; p; p = next_alternative(p))
			if (glob(p, s))
				return true;
		return false;
	case ',':
		return glob(behind_group(p + 1), s);
	case '}':
		return glob(p + 1, s);
	case '\\':
		return p[1] == *s && glob(p + 2, s + 1);
	default:
		return *p == *s && glob(p + 1, s + 1);
	}
}

static void test_glob(void **state)
{
	assert_true(glob("/a/*", "/a/b"));
	assert_false(glob("/a/*", "/a/"));
	assert_false(glob("/a/*", "/a/b/c"));
	assert_true(glob("/a/**", "/a/b/c"));
	assert_true(glob("/a*", "/a"));
	assert_true(glob("/{a,b{c,}}/[^x-z]", "/b/a"));
	assert_false(glob("/{a,b{c,}}/[^x-z]", "/bc/y"));
	assert_true(glob("/\\*", "/*"));
}

typedef struct Rule {
	Text pattern;
	bool audit, deny, owner;
	uint32_t permissions;
} Rule;

/* Never two slashes on end: the parser makes one of them. */
static void add_atom(Text *t, unsigned int depth)
{
	static const char *const atoms[] = { "a", "b",	 "ab",	 "c",	 "*",	  "**",
					     "?", "\\*", "[ab]", "[^a]", "[a-c]", "[^b/]" };
	static const char *const slashes[] = { "/", "/a", "/b/c", "/*", "/**" };
	const bool after_slash = t->size && t->text[t->size - 1] == '/';
	const bool after_star = t->size && t->text[t->size - 1] == '*';
	const unsigned int kind = below(8);

	if (kind < 2 && !after_slash) {
		add(t, slashes[below(ELEMENTSOF(slashes))]);
	} else if (kind == 2 && depth < 2 && t->size < 64) {
		add(t, "{");
		for (unsigned int i = 0, n = 2 + below(2); i < n; i++) {
			add(t, i ? "," : "");
			for (unsigned int k = below(3); k > 0; k--)
				add_atom(t, depth + 1);
		}
		add(t, "}");
	} else {
		/* Three stars on end are of no use to anybody. */
		add(t, after_star ? "a" : atoms[below(ELEMENTSOF(atoms))]);
	}
}

static Rule random_rule(void)
{
	static const char *const starts[] = { "/", "/a", "/ab/", "/**", "/{a,b}" };
	Rule r = {
		.audit = below(6) == 0,
		.deny = below(4) == 0,
		.owner = below(4) == 0,
	};

	add(&r.pattern, starts[below(ELEMENTSOF(starts))]);
	for (unsigned int n = below(6); n > 0; n--)
		add_atom(&r.pattern, 0);
	r.permissions = 1 + below(ARMOR_ALL);
	if (r.permissions & ARMOR_WRITE)
		r.permissions &= ~(uint32_t)ARMOR_APPEND;
	return r;
}

static void add_rule(char *profile, size_t size, const Rule *r)
{
	static const struct {
		uint32_t bit;
		const char *letter;
	} letters[] = {
		{ ARMOR_WRITE, "w" }, { ARMOR_READ, "r" }, { ARMOR_APPEND, "a" },
		{ ARMOR_LINK, "l" },  { ARMOR_LOCK, "k" }, { ARMOR_MMAP, "m" },
	};
	char permissions[16] = "";

	for (size_t i = 0; i < ELEMENTSOF(letters); i++)
		if (r->permissions & letters[i].bit)
			strcat(permissions, letters[i].letter);
	if (r->permissions & ARMOR_EXEC)
		strcat(permissions, r->deny ? "x" : "ix");
	snprintf(profile + strlen(profile), size - strlen(profile), "%s%s%s\"%s\" %s,\n",
		 r->audit ? "audit " : "", r->deny ? "deny " : "", r->owner ? "owner " : "",
		 r->pattern.text, permissions);
}

/* A path that a pattern may well match. */
static void add_instance(Text *t, const char *p)
{
	static const char *const bits[] = { "a", "b", "c", "ab", "x", "" };
	static const char *const paths[] = { "a", "/", "b/a", "/c", "", "a/b/c" };

	while (*p) {
		switch (*p) {
		case '*':
			add(t, p[1] == '*' ? paths[below(ELEMENTSOF(paths))]
					   : bits[below(ELEMENTSOF(bits))]);
			p += 1 + (p[1] == '*');
			break;
		case '?':
			add(t, bits[below(3)]);
			p++;
			break;
		case '[':
			add(t, below(8) ? bits[below(3)] : "/");
			p = strchr(p, ']') + 1;
			break;
		case '{':
			for (p++; below(2) && next_alternative(p);)
				p = next_alternative(p);
			break;
		case ',':
			p = behind_group(p + 1);
			break;
		case '}':
			p++;
			break;
		default:
			p += *p == '\\';
			add(t, (const char[]){ *p++, '\0' });
		}
	}
}

static void random_path(Text *t, const Rule *rules, size_t n)
{
	static const char letters[] = "ab/c*x\xff";

	*t = (Text){};
	add_instance(t, rules[below((unsigned int)n)].pattern.text);
	if (below(3) == 0)
		t->text[1 + below((unsigned int)t->size)] = letters[below(sizeof(letters) - 1)];
	if (below(6) == 0)
		add(t, "/b");
	t->size = strlen(t->text);
}

/* Who may write may append, and who may not may not. */
static uint32_t meant(const Rule *r)
{
	return r->permissions | (r->permissions & ARMOR_WRITE ? ARMOR_APPEND : 0);
}

/* ix is always with m, of which one hears or not as the parser's version has it. */
static uint32_t implied(const Rule *r)
{
	return r->permissions & ARMOR_EXEC && !r->deny ? ARMOR_MMAP : 0;
}

typedef struct Verdict {
	uint32_t allow, audit, quiet;
	uint32_t vague; /* what may be audited or not */
} Verdict;

static Verdict expected_of(const Rule *rules, size_t n, const char *path, bool owner)
{
	uint32_t allow = 0, deny = 0, audit = 0, quiet = 0, vague = ARMOR_LINK;

	for (const Rule *r = rules; r < rules + n; r++) {
		if ((r->owner && !owner) || !glob(r->pattern.text, path))
			continue;
		*(r->deny ? &deny : &allow) |= meant(r) | implied(r);
		vague |= implied(r);
		if (r->audit != r->deny)
			*(r->deny ? &quiet : &audit) |= meant(r);
	}
	return (Verdict){
		.allow = allow & ~deny,
		.audit = audit & ~deny,
		.quiet = quiet,
		.vague = vague,
	};
}

static Verdict found(const ArmorProfile *p, uint32_t state, bool owner)
{
	const struct vk_dfa_state *s = &p->file->states[state];
	const unsigned int shift = owner ? 0 : ARMOR_OTHER_SHIFT;

	return (Verdict){
		.allow = s->accept >> shift & ARMOR_ALL,
		.audit = s->accept2 >> shift & ARMOR_ALL,
		.quiet = s->accept2 >> (shift + ARMOR_QUIET_SHIFT) & ARMOR_ALL,
	};
}

/* As the core walks: no look at what can not matter. */
static uint32_t walk(const struct vk_dfa *dfa, const char *path)
{
	uint32_t state = dfa->start;

	while (*path && !vk_dfa_settled(dfa, state))
		state = vk_dfa_next(dfa, state, (uint8_t)*path++);
	return state;
}

/*
 * Whether a link may be made is decided behind the path, a NUL and that of the target. There the
 * parser does not mark what is audited.
 */
static Verdict with_link(const ArmorProfile *p, uint32_t state, bool owner)
{
	Verdict got = found(p, state, owner);
	const Verdict pair = found(p, vk_dfa_match(p->file, state, "\0/x", 3), owner);

	got.allow &= pair.allow | ~(uint32_t)ARMOR_LINK;
	return got;
}

/* Returns whether anything was allowed, or refused by a rule. */
static bool compare(const ArmorProfile *p, const Rule *rules, size_t n, const char *path,
		    const char *profile)
{
	const uint32_t state = vk_dfa_match(p->file, p->file->start, path, (uint32_t)strlen(path));

	bool any = false;

	assert_int_equal(walk(p->file, path), state);
	for (int owner = 0; owner < 2; owner++) {
		const Verdict wanted = expected_of(rules, n, path, owner);
		const Verdict got = with_link(p, state, owner);

		const uint32_t heard = wanted.allow & ~wanted.vague;

		if (wanted.allow != got.allow || (wanted.audit ^ got.audit) & heard ||
		    (wanted.quiet ^ got.quiet) & ~(uint32_t)ARMOR_LINK)
			fail_msg(
				"%s at %s, owner %d: allow %#x audit %#x quiet %#x, not %#x %#x %#x",
				profile, path, owner, wanted.allow, wanted.audit, wanted.quiet,
				got.allow, got.audit, got.quiet);
		any |= wanted.allow || wanted.quiet;
	}
	return any;
}

static void test_random(void **state)
{
	int decided = 0;

	random_state = SEED;
	for (int i = 0; i < PROFILES; i++) {
		char profile[4096] = "profile random {\n";
		_cleanup_armor_policy_ ArmorPolicy policy = {};
		const size_t n = 1 + below(RULES_MAX);
		Rule rules[RULES_MAX];
		Text path;

		for (size_t k = 0; k < n; k++) {
			rules[k] = random_rule();
			add_rule(profile, sizeof(profile), &rules[k]);
		}
		strcat(profile, "}\n");
		policy = armor_of(profile);
		assert_non_null(policy.profiles[0].file);
		for (int k = 0; k < PATHS; k++) {
			random_path(&path, rules, n);
			decided += compare(&policy.profiles[0], rules, n, path.text, profile);
		}
	}
	assert_true(decided > PROFILES * PATHS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_glob),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
