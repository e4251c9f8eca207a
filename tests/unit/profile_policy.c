/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Policies as such: digest, names, combination, description, and one form for one meaning. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <vkernel/verdict.h>

#include "proto/util.h"
#include "vkerneld/profile/policy.h"

#define ALLOW VK_VERDICT(VK_ALLOW, 0)
#define ERRNO(n) VK_VERDICT(VK_ERRNO, n)

enum { READ = 0, WRITE = 1, UNAME = 63 };

/* The policy of these rules, allowing by default; single quotes stand for double ones. */
static Policy *policy_of(const char *rules)
{
	static const ProfileTarget target = { 6, 1, NULL };
	_cleanup_free_ char *json = NULL;
	ProfileReport report = {};
	Policy *p = NULL;
	int n = asprintf(&json, "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[%s]}", rules);

	assert_true(n > 0);
	for (char *c = json; *c; c++)
		if (*c == '\'')
			*c = '"';
	if (profile_read_seccomp(json, (size_t)n, &target, &p, &report) < 0)
		fail_msg("%s: %s", rules, report.error);
	profile_report_done(&report);
	return p;
}

static uint32_t verdict_of(const Policy *p, uint32_t number, uint64_t arg0, uint64_t arg1)
{
	const __u64 args[6] = { arg0, arg1 };

	return vk_verdict(p, p->table[VK_TABLE_NATIVE][number], args);
}

static Policy *combined(const Policy *a, const Policy *b)
{
	const Policy *sources[] = { a, b };
	Policy *p = NULL;

	assert_int_equal(policy_combine(sources, 2, &p), 0);
	assert_true(vk_policy_valid(p));
	assert_true(vk_confinements_valid(p));
	return p;
}

static void assert_same(const Policy *a, const Policy *b)
{
	assert_int_equal(policy_size(a), policy_size(b));
	assert_memory_equal(a, b, policy_size(a));
}

static void test_digest(void **state)
{
	/* sha256sum of 4104 zero bytes, two tables of 513, then 4160, 0 and all capabilities */
	const char *known = "2a6a27964e2e616a22b6945f5336e412377498e7de760854f0785bd715f1c483";
	_cleanup_free_ Policy *p = NULL, *q = policy_of("{'name':'read','action':'SCMP_ACT_KILL'}");
	char hex[2 * VK_DIGEST_SIZE + 1], name[sizeof(VK_MODULE_PREFIX) + VK_MODULE_DIGITS];
	uint8_t digest[VK_DIGEST_SIZE];

	assert_int_equal(policy_new_allow(&p), 0);
	assert_int_equal(p->abi, VK_POLICY_ABI);
	policy_digest_hex(p, hex);
	assert_string_equal(hex, known);
	policy_module_name(p, name);
	assert_int_equal(strlen(name), strlen(VK_MODULE_PREFIX) + VK_MODULE_DIGITS);
	assert_memory_equal(name, VK_MODULE_PREFIX, strlen(VK_MODULE_PREFIX));
	assert_memory_equal(name + strlen(VK_MODULE_PREFIX), hex, VK_MODULE_DIGITS);

	assert_memory_not_equal(p->digest, q->digest, VK_DIGEST_SIZE);
	memcpy(digest, q->digest, sizeof(digest));
	policy_seal(q);
	assert_memory_equal(digest, q->digest, sizeof(digest));
}

static void test_combine_severity(void **state)
{
	static const char *const actions[] = { "ALLOW", "LOG",	       "TRACE",	      "ERRNO",
					       "TRAP",	"KILL_THREAD", "KILL_PROCESS" };
	char rule[128];

	for (uint32_t a = 0; a < ELEMENTSOF(actions); a++)
		for (uint32_t b = 0; b < ELEMENTSOF(actions); b++) {
			_cleanup_free_ Policy *p = NULL, *q = NULL, *both = NULL;

			snprintf(rule, sizeof(rule), "{'name':'uname','action':'SCMP_ACT_%s'}",
				 actions[a]);
			p = policy_of(rule);
			snprintf(rule, sizeof(rule), "{'name':'uname','action':'SCMP_ACT_%s'}",
				 actions[b]);
			q = policy_of(rule);
			both = combined(p, q);
			assert_int_equal(VK_VERDICT_ACTION(verdict_of(both, UNAME, 0, 0)),
					 a > b ? a : b);
		}
}

static void test_combine_first_wins(void **state)
{
	_cleanup_free_ Policy *p =
		policy_of("{'name':'uname','action':'SCMP_ACT_ERRNO','errnoRet':5}");
	_cleanup_free_ Policy *q =
		policy_of("{'name':'uname','action':'SCMP_ACT_ERRNO','errnoRet':6}");
	_cleanup_free_ Policy *pq = combined(p, q), *qp = combined(q, p);

	assert_int_equal(verdict_of(pq, UNAME, 0, 0), ERRNO(5));
	assert_int_equal(verdict_of(qp, UNAME, 0, 0), ERRNO(6));
}

static void test_combine_conditions(void **state)
{
	_cleanup_free_ Policy *p = policy_of("{'name':'read','action':'SCMP_ACT_ERRNO','args':"
					     "[{'index':0,'value':7,'op':'SCMP_CMP_EQ'}]}");
	_cleanup_free_ Policy *q = policy_of("{'name':'read','action':'SCMP_ACT_TRAP','args':"
					     "[{'index':1,'value':4294967296,'op':'SCMP_CMP_GT'}]},"
					     "{'name':'write','action':'SCMP_ACT_LOG'}");
	_cleanup_free_ Policy *both = combined(p, q);

	assert_int_equal(verdict_of(both, READ, 7, 0), ERRNO(1));
	assert_int_equal(verdict_of(both, READ, 7, 0x100000001), VK_VERDICT(VK_TRAP, 0));
	assert_int_equal(verdict_of(both, READ, 8, 0x100000001), VK_VERDICT(VK_TRAP, 0));
	assert_int_equal(verdict_of(both, READ, 8, 0x100000000), ALLOW);
	assert_int_equal(verdict_of(both, WRITE, 0, 0), VK_VERDICT(VK_LOG, 0));
}

static void test_combine_neutral(void **state)
{
	_cleanup_free_ Policy *p = policy_of("{'name':'read','action':'SCMP_ACT_ERRNO','args':"
					     "[{'index':0,'value':7,'op':'SCMP_CMP_LE'}]},"
					     "{'name':'uname','action':'SCMP_ACT_KILL'}");
	_cleanup_free_ Policy *allow = NULL, *none = NULL, *one = NULL;
	const Policy *sources[] = { p };

	assert_int_equal(policy_new_allow(&allow), 0);
	assert_int_equal(policy_combine(NULL, 0, &none), 0);
	assert_same(none, allow);
	assert_int_equal(policy_combine(sources, 1, &one), 0);
	assert_same(one, p);
	for (int i = 0; i < 3; i++) {
		_cleanup_free_ Policy *both = combined(i == 0 ? allow : p, i == 1 ? allow : p);

		assert_same(both, p);
	}
}

/* Each of the many arguments of one on top of each of the other: too many nodes. */
static void test_combine_too_big(void **state)
{
	enum { NODES = 2000 };
	size_t size = sizeof(Policy) + NODES * sizeof(struct vk_node);
	_cleanup_free_ Policy *p = calloc(1, size), *q = calloc(1, size), *both = NULL;
	Policy *sides[] = { p, q };

	assert_true(p && q);
	for (uint32_t s = 0; s < 2; s++) {
		sides[s]->abi = VK_POLICY_ABI;
		sides[s]->nr_nodes = NODES;
		sides[s]->size = (uint32_t)size;
		sides[s]->capabilities = UINT64_MAX;
		sides[s]->table[0][READ] = VK_ENTRY_PROGRAM;
		for (uint32_t i = 0; i < NODES; i++)
			sides[s]->nodes[i] = (struct vk_node){
				.mask = UINT64_MAX,
				.value = 1000 + i,
				.yes = ERRNO(1 + i),
				.no = i + 1 < NODES ? VK_ENTRY_PROGRAM | (i + 1) : ALLOW,
				.op = VK_OP_EQ,
				.arg = (uint8_t)s,
			};
		policy_seal(sides[s]);
		assert_true(vk_policy_valid(sides[s]));
	}
	assert_int_equal(policy_combine((const Policy *const *)sides, 2, &both), -E2BIG);
	assert_null(both);
}

/* One without automata. */
static struct vk_confinement *confinement(const char *label, uint32_t mediates,
					  uint64_t capabilities)
{
	uint32_t size = (uint32_t)(sizeof(struct vk_confinement) + strlen(label) + 8) & ~7u;
	struct vk_confinement *c = calloc(1, size);

	assert_non_null(c);
	c->size = size;
	c->mediates = mediates;
	c->capabilities = capabilities;
	c->label = sizeof(*c);
	strcpy((char *)c + c->label, label);
	assert_true(vk_confinement_valid(c, c->size));
	return c;
}

static Policy *confined(const char *rules, const struct vk_confinement *c)
{
	Policy *p = policy_of(rules);

	assert_int_equal(policy_confine(&p, c), 0);
	assert_true(vk_confinements_valid(p));
	return p;
}

static void assert_labels(const Policy *p, const char *first, const char *second)
{
	const struct vk_confinement *c = vk_confinement_first(p);

	assert_string_equal(vk_confinement_label(c), first);
	c = vk_confinement_next(c);
	if (second) {
		assert_string_equal(vk_confinement_label(c), second);
		c = vk_confinement_next(c);
	}
	assert_ptr_equal(c, vk_policy_end(p));
}

static void test_combine_confinements(void **state)
{
	const uint32_t capability = VK_CLASS_BIT(VK_CLASS_CAPABILITY),
		       file = VK_CLASS_BIT(VK_CLASS_FILE);
	_cleanup_free_ struct vk_confinement *a = confinement("a", capability, 0xf0),
					     *b = confinement("b", capability | file, 0x3c);
	_cleanup_free_ Policy *p = confined("{'name':'uname','action':'SCMP_ACT_KILL'}", a);
	_cleanup_free_ Policy *q = confined("{'name':'read','action':'SCMP_ACT_KILL'}", b);
	_cleanup_free_ Policy *both = combined(p, q), *more = combined(both, p);

	assert_labels(p, "a", NULL);
	assert_int_equal(p->capabilities, 0xf0);
	assert_labels(both, "a", "b");
	assert_int_equal(both->mediates, capability | file);
	assert_int_equal(both->capabilities, 0x30);
	assert_int_equal(VK_VERDICT_ACTION(verdict_of(both, UNAME, 0, 0)), VK_KILL_THREAD);
	assert_int_equal(VK_VERDICT_ACTION(verdict_of(both, READ, 0, 0)), VK_KILL_THREAD);
	assert_same(more, both);
}

/* What only complains, or does not rule capabilities, takes none. */
static void test_confine_capabilities(void **state)
{
	const uint32_t capability = VK_CLASS_BIT(VK_CLASS_CAPABILITY);
	_cleanup_free_ struct vk_confinement *a = confinement("a", capability, 0xf0),
					     *b = confinement("b", 0, 0);
	_cleanup_free_ Policy *p = NULL;
	uint8_t digest[VK_DIGEST_SIZE];

	a->flags = VK_CONFINE_COMPLAIN;
	p = confined("", a);
	memcpy(digest, p->digest, sizeof(digest));
	assert_int_equal(policy_confine(&p, b), 0);
	assert_true(vk_confinements_valid(p));
	assert_int_equal(p->capabilities, UINT64_MAX);
	assert_memory_not_equal(p->digest, digest, sizeof(digest));
	assert_labels(p, "a", "b");
}

/* What means the same has the same bytes, as far as these go. */
static void test_canonical(void **state)
{
	static const char *const pairs[][2] = {
		{ "{'names':['read','uname'],'action':'SCMP_ACT_KILL'}",
		  "{'name':'uname','action':'SCMP_ACT_KILL'},"
		  "{'name':'read','action':'SCMP_ACT_KILL_THREAD','comment':'x'}" },
		{ "{'name':'read','action':'SCMP_ACT_KILL','args':"
		  "[{'index':0,'value':4294967299,'op':'SCMP_CMP_GE'}]}",
		  "{'name':'read','action':'SCMP_ACT_KILL','args':"
		  "[{'index':0,'value':4294967298,'op':'SCMP_CMP_GT'}]}" },
		{ "{'name':'read','action':'SCMP_ACT_KILL','args':"
		  "[{'index':0,'value':0,'op':'SCMP_CMP_NE'}]}",
		  "{'name':'read','action':'SCMP_ACT_KILL','args':"
		  "[{'index':0,'value':0,'op':'SCMP_CMP_GT'}]}" },
		{ "{'name':'read','action':'SCMP_ACT_KILL','args':"
		  "[{'index':0,'value':5,'op':'SCMP_CMP_EQ'}]}",
		  "{'name':'read','action':'SCMP_ACT_KILL','args':[{'index':0,"
		  "'value':18446744073709551615,'valueTwo':5,'op':'SCMP_CMP_MASKED_EQ'}]}" },
		{ "{'name':'read','action':'SCMP_ACT_KILL'}",
		  "{'name':'read','action':'SCMP_ACT_KILL','args':"
		  "[{'index':0,'value':0,'op':'SCMP_CMP_GE'}]}" },
	};

	for (size_t i = 0; i < ELEMENTSOF(pairs); i++) {
		_cleanup_free_ Policy *p = policy_of(pairs[i][0]), *q = policy_of(pairs[i][1]);

		assert_same(p, q);
	}
}

static void test_describe(void **state)
{
	_cleanup_free_ Policy *p =
		policy_of("{'name':'uname','action':'SCMP_ACT_ERRNO'},"
			  "{'name':'read','action':'SCMP_ACT_KILL','args':"
			  "[{'index':0,'value':5,'op':'SCMP_CMP_GT'},"
			  "{'index':2,'value':6,'valueTwo':2,'op':'SCMP_CMP_MASKED_EQ'}]}");
	json_object *o = NULL, *native, *calls, *v;

	assert_int_equal(policy_describe(p, &o), 0);
	assert_true(json_object_object_get_ex(o, "x86_64", &native));
	assert_true(json_object_object_get_ex(native, "default", &v));
	assert_string_equal(json_object_get_string(v), "allow");
	assert_true(json_object_object_get_ex(native, "calls", &calls));
	assert_int_equal(json_object_object_length(calls), 2);
	assert_true(json_object_object_get_ex(calls, "uname", &v));
	assert_string_equal(json_object_get_string(v), "errno(1)");
	assert_true(json_object_object_get_ex(calls, "read", &v));
	assert_string_equal(
		json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN),
		"[{\"if\":\"arg0 > 0x5 && (arg2 & 0x6) == 0x2\",\"then\":\"kill-thread\"},"
		"{\"else\":\"allow\"}]");
	assert_true(json_object_object_get_ex(o, "i386", &native));
	assert_true(json_object_object_get_ex(native, "default", &v));
	assert_string_equal(json_object_get_string(v), "kill-thread");
	json_object_put(o);
}

static void assert_unsound(const void *bytes, size_t size)
{
	Policy *p = NULL;

	assert_int_equal(policy_load(bytes, size, &p), -EUCLEAN);
	assert_null(p);
}

static void test_load(void **state)
{
	_cleanup_free_ Policy *p = policy_of("{'names':['uname'],'action':'SCMP_ACT_ERRNO',"
					     "'args':[{'index':0,'value':5,'op':'SCMP_CMP_GT'}]}");
	_cleanup_free_ Policy *copy = NULL, *loaded = NULL;
	const size_t size = policy_size(p);
	uint8_t *byte = (uint8_t *)p;

	assert_int_equal(policy_copy(p, &copy), 0);
	assert_same(copy, p);
	assert_int_equal(policy_load(p, size, &loaded), 0);
	assert_same(loaded, p);
	for (size_t n = 0; n < size; n += n < sizeof(*p) - 64 ? 41 : 1)
		assert_unsound(p, n);
	for (size_t i = 0; i < size; i++) {
		byte[i] ^= 0x81;
		assert_unsound(p, size);
		byte[i] ^= 0x81;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_combine_severity),
		cmocka_unit_test(test_combine_first_wins),
		cmocka_unit_test(test_combine_conditions),
		cmocka_unit_test(test_combine_neutral),
		cmocka_unit_test(test_combine_too_big),
		cmocka_unit_test(test_combine_confinements),
		cmocka_unit_test(test_confine_capabilities),
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
