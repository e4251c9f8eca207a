/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packed automata made by hand: both widths of tables, and every way in which they may be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/util.h"
#include "vkerneld/apparmor/dfa.h"

enum { ACCEPT = 1, BASE, CHECK, DEFAULT, CLASSES, META, ACCEPT2, NEXT };

#define STATES 4
#define EDGES 8

/*
 * "/" leads to a state that all but a NUL leave as it is, and "a" from there on to a second one by
 * way of the NUL. Class 1 is "/", class 2 "a", class 3 the NUL, class 0 the rest.
 */
static const uint32_t accept[STATES] = { 0, 0, 0x4, 0x2 };
static const uint32_t accept2[STATES] = { 0, 0, 0x80, 0 };
static const uint32_t base[STATES] = { 0, 0, 1, 4 };
static const uint32_t otherwise[STATES] = { 0, 0, 2, 0 };
static const uint32_t next[EDGES] = { 0, 2, 0, 0, 3 };
static const uint32_t check[EDGES] = { 0, 1, 0, 0, 2 };

typedef struct Packed {
	uint8_t bytes[4096];
	size_t size;
} Packed;

static void put(Packed *p, uint32_t value, unsigned int width)
{
	while (width-- > 0)
		p->bytes[p->size++] = (uint8_t)(value >> 8 * width);
}

static void align(Packed *p)
{
	while (p->size % 8)
		put(p, 0, 1);
}

static void put_table(Packed *p, uint32_t id, const uint32_t *values, uint32_t n,
		      unsigned int width)
{
	put(p, id, 2);
	put(p, width, 2);
	put(p, 0, 4);
	put(p, n, 4);
	for (uint32_t i = 0; i < n; i++)
		put(p, values[i], width);
	align(p);
}

static void put_header(Packed *p)
{
	put(p, 0x1b5e783d, 4);
	put(p, 24, 4);
	put(p, 0, 4);
	put(p, 0, 2);
	memcpy(p->bytes + p->size, "notflex", 8);
	p->size += 8;
	align(p);
}

static void set32(Packed *p, size_t at, uint32_t value)
{
	Packed number = {};

	put(&number, value, 4);
	memcpy(p->bytes + at, number.bytes, 4);
}

static void finish(Packed *p)
{
	set32(p, 8, (uint32_t)p->size);
}

static void put_classes(Packed *p)
{
	uint32_t classes[256] = {};

	classes['/'] = 1;
	classes['a'] = 2;
	classes[0] = 3;
	put_table(p, CLASSES, classes, 256, 1);
}

static Packed packed(unsigned int width)
{
	Packed p = {};

	put_header(&p);
	put_table(&p, ACCEPT, accept, STATES, 4);
	put_table(&p, ACCEPT2, accept2, STATES, 4);
	put_table(&p, BASE, base, STATES, 4);
	put_table(&p, DEFAULT, otherwise, STATES, width);
	put_table(&p, NEXT, next, EDGES, width);
	put_table(&p, CHECK, check, EDGES, width);
	put_classes(&p);
	finish(&p);
	return p;
}

/* Where the header of a table lies. */
static size_t table_at(const Packed *p, uint32_t id)
{
	size_t at = 24;

	while (at < p->size && p->bytes[at + 1] != id)
		at += (12 +
		       (size_t)p->bytes[at + 3] * (p->bytes[at + 10] * 256u + p->bytes[at + 11]) +
		       7) /
		      8 * 8;
	assert_true(at < p->size);
	return at;
}

/* A 32-bit element. */
static size_t element_at(const Packed *p, uint32_t id, size_t i)
{
	return table_at(p, id) + 12 + 4 * i;
}

static struct vk_dfa *read_good(const Packed *p)
{
	ProfileReport report = {};
	struct vk_dfa *dfa = NULL;

	if (dfa_read(p->bytes, p->size, &dfa, &report) < 0)
		fail_msg("%s", report.error);
	assert_true(vk_dfa_valid(dfa, vk_dfa_size(dfa)));
	return dfa;
}

static int read_bad(const Packed *p, const char *word)
{
	/* Of exactly its size, so that the sanitizer sees a look behind it. */
	_cleanup_free_ uint8_t *copy = malloc(p->size ? p->size : 1);
	ProfileReport report = {};
	struct vk_dfa *dfa = NULL;
	int r;

	memcpy(copy, p->bytes, p->size);
	r = dfa_read(copy, p->size, &dfa, &report);
	assert_true(r < 0);
	assert_null(dfa);
	assert_non_null(strstr(report.error, word));
	profile_report_done(&report);
	return r;
}

static void test_widths(void **state)
{
	const Packed narrow = packed(2), wide = packed(4);
	_cleanup_free_ struct vk_dfa *a = read_good(&narrow), *b = read_good(&wide);

	assert_int_equal(vk_dfa_size(a), vk_dfa_size(b));
	assert_memory_equal(a, b, vk_dfa_size(a));
}

static void test_walk(void **state)
{
	const Packed p = packed(2);
	_cleanup_free_ struct vk_dfa *dfa = read_good(&p);

	assert_int_equal(vk_dfa_next(dfa, 1, '/'), 2);
	assert_int_equal(vk_dfa_next(dfa, 1, 'a'), VK_DFA_NOMATCH);
	assert_int_equal(vk_dfa_match(dfa, dfa->start, "/abc/\xff", 6), 2);
	assert_int_equal(vk_dfa_match(dfa, dfa->start, "", 0), dfa->start);
	assert_int_equal(vk_dfa_match(dfa, dfa->start, "a/", 2), VK_DFA_NOMATCH);
	assert_int_equal(vk_dfa_match(dfa, dfa->start, "/a\0", 3), 3);
	assert_int_equal(dfa->states[2].accept, 0x4);
	assert_int_equal(dfa->states[2].accept2, 0x80);
	assert_true(vk_dfa_settled(dfa, VK_DFA_NOMATCH));
	assert_false(vk_dfa_settled(dfa, 1));
	assert_true(vk_dfa_settled(dfa, 2));
}

static void test_without_classes(void **state)
{
	uint32_t to[256] = {}, owner[256] = {};
	_cleanup_free_ struct vk_dfa *dfa = NULL;
	const uint32_t zero[2] = {};
	Packed p = {};

	to['x'] = owner['x'] = 1;
	put_header(&p);
	put_table(&p, CHECK, owner, 256, 2);
	put_table(&p, NEXT, to, 256, 2);
	put_table(&p, DEFAULT, zero, 2, 2);
	put_table(&p, BASE, zero, 2, 4);
	put_table(&p, ACCEPT, zero, 2, 4);
	put_table(&p, ACCEPT2, zero, 2, 4);
	finish(&p);
	dfa = read_good(&p);
	assert_int_equal(vk_dfa_match(dfa, 1, "xxx", 3), 1);
	assert_int_equal(vk_dfa_match(dfa, 1, "xyx", 3), VK_DFA_NOMATCH);
}

static void test_header(void **state)
{
	const Packed good = packed(4);
	Packed p = good;

	p.bytes[0] ^= 1;
	assert_int_equal(read_bad(&p, "no header"), -EINVAL);
	p = good;
	set32(&p, 4, 16);
	assert_int_equal(read_bad(&p, "malformed"), -EINVAL);
	p = good;
	set32(&p, 4, 0xfffffff8);
	assert_int_equal(read_bad(&p, "header's sizes"), -EINVAL);
	p = good;
	set32(&p, 8, (uint32_t)p.size - 8);
	assert_int_equal(read_bad(&p, "header's sizes"), -EINVAL);
	for (uint8_t flag = 1; flag < 4; flag++) {
		p = good;
		p.bytes[13] = flag;
		assert_int_equal(read_bad(&p, flag & 1 ? "differences" : "out of band"),
				 -EOPNOTSUPP);
	}
	p = good;
	p.bytes[13] = 4;
	assert_int_equal(read_bad(&p, "flags"), -EINVAL);
}

static void test_tables(void **state)
{
	const Packed good = packed(4);
	const size_t at = table_at(&good, NEXT);
	Packed p = good;

	p.bytes[at + 1] = CHECK;
	assert_int_equal(read_bad(&p, "twice"), -EINVAL);
	p = good;
	p.bytes[at + 1] = META;
	assert_int_equal(read_bad(&p, "unknown kind"), -EINVAL);
	p = good;
	p.bytes[at + 1] = 200;
	assert_int_equal(read_bad(&p, "unknown kind"), -EINVAL);
	p = good;
	p.bytes[at + 3] = 1;
	assert_int_equal(read_bad(&p, "width"), -EINVAL);
	p = good;
	p.bytes[at + 3] = 6;
	assert_int_equal(read_bad(&p, "width"), -EINVAL);
	p = good;
	p.bytes[at + 7] = 1;
	assert_int_equal(read_bad(&p, "length"), -EINVAL);
	p = good;
	set32(&p, at + 8, 0);
	assert_int_equal(read_bad(&p, "length"), -EINVAL);
	p = good;
	set32(&p, at + 8, UINT32_MAX);
	assert_int_equal(read_bad(&p, "length"), -EINVAL);
	p = good;
	set32(&p, at + 8, EDGES - 2);
	assert_int_equal(read_bad(&p, "malformed"), -EINVAL);
}

static void test_missing(void **state)
{
	static const uint32_t ids[] = { ACCEPT, ACCEPT2, BASE, DEFAULT, NEXT, CHECK };
	const uint32_t values[STATES] = {};

	for (size_t missing = 0; missing < ELEMENTSOF(ids); missing++) {
		Packed p = {};

		put_header(&p);
		for (size_t i = 0; i < ELEMENTSOF(ids); i++)
			if (i != missing)
				put_table(&p, ids[i], values, STATES, 4);
		put_classes(&p);
		finish(&p);
		read_bad(&p, "missing");
	}
}

static void test_states(void **state)
{
	const struct {
		uint32_t table;
		size_t element;
		uint32_t value;
	} wrong[] = {
		{ DEFAULT, 1, STATES },	 { DEFAULT, 3, UINT32_MAX }, { NEXT, 7, STATES },
		{ CHECK, 7, STATES },	 { BASE, 2, EDGES - 3 },     { BASE, 3, 1u << 24 },
		{ BASE, 3, 0x80000004 }, { BASE, 3, UINT32_MAX },    { ACCEPT, 0, 1 },
		{ ACCEPT2, 0, 1 },	 { DEFAULT, 0, 1 },	     { NEXT, 0, 1 },
	};
	const Packed good = packed(4);

	for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
		Packed p = good;

		set32(&p, element_at(&p, wrong[i].table, wrong[i].element), wrong[i].value);
		assert_int_equal(read_bad(&p, "lead nowhere"), -EINVAL);
	}
}

static void test_cut(void **state)
{
	const Packed good = packed(2);

	for (size_t size = 0; size < good.size; size++) {
		Packed p = good;

		p.size = size;
		read_bad(&p, "malformed");
		if (size >= 24) {
			finish(&p);
			/* Classes are the last table, and one may do without. */
			if (size != table_at(&good, CLASSES))
				read_bad(&p, "malformed");
		}
	}
}

static void assert_invalid(const struct vk_dfa *good, size_t offset, uint32_t value)
{
	const size_t size = vk_dfa_size(good);
	_cleanup_free_ struct vk_dfa *dfa = malloc(size);

	memcpy(dfa, good, size);
	memcpy((uint8_t *)dfa + offset, &value, sizeof(value));
	assert_false(vk_dfa_valid(dfa, size));
}

/* What a module may bring, past the reader. */
static void test_valid(void **state)
{
	const Packed p = packed(2);
	_cleanup_free_ struct vk_dfa *dfa = read_good(&p);
	const size_t states = offsetof(struct vk_dfa, states);
	const size_t one = sizeof(struct vk_dfa_state);

	assert_false(vk_dfa_valid(dfa, vk_dfa_size(dfa) - 1));
	assert_false(vk_dfa_valid(dfa, vk_dfa_size(dfa) + 1));
	assert_false(vk_dfa_valid(dfa, 0));
	assert_invalid(dfa, offsetof(struct vk_dfa, nr_states), 0);
	assert_invalid(dfa, offsetof(struct vk_dfa, nr_states), UINT32_MAX);
	assert_invalid(dfa, offsetof(struct vk_dfa, nr_edges), 0);
	assert_invalid(dfa, offsetof(struct vk_dfa, nr_edges), UINT32_MAX);
	assert_invalid(dfa, offsetof(struct vk_dfa, start), STATES);
	assert_invalid(dfa, offsetof(struct vk_dfa, pad), 1);
	assert_invalid(dfa, offsetof(struct vk_dfa, classes), 255);
	assert_invalid(dfa, states + one + offsetof(struct vk_dfa_state, base), VK_DFA_SETTLED);
	assert_invalid(dfa, states + one + offsetof(struct vk_dfa_state, base), 0x40000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_widths),		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_without_classes), cmocka_unit_test(test_header),
		cmocka_unit_test(test_tables),		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_states),		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
