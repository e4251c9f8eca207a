/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The format is that of flex's table files, big endian: a header, then tables, each with a header
 * of its own and aligned to 8 bytes.
 */
#include "vkerneld/apparmor/dfa.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include "proto/util.h"

#define MAGIC 0x1b5e783du
#define SET_HEADER 14 /* without the name of the version */
#define TABLE_HEADER 12
#define ALIGNMENT 8

#define FLAG_DIFFERENCES 0x1 /* a default may mean "as there, but for these" */
#define FLAG_OUT_OF_BAND 0x2 /* transitions on what is no byte */

enum table_id {
	TABLE_ACCEPT = 1,
	TABLE_BASE,
	TABLE_CHECK,
	TABLE_DEFAULT,
	TABLE_CLASSES,
	TABLE_META,
	TABLE_ACCEPT2,
	TABLE_NEXT,
	NR_TABLES
};

/* The sizes of an element that each table may have, or'ed. */
static const uint8_t widths[NR_TABLES] = {
	[TABLE_ACCEPT] = 4,  [TABLE_BASE] = 4,	  [TABLE_CHECK] = 2 | 4, [TABLE_DEFAULT] = 2 | 4,
	[TABLE_CLASSES] = 1, [TABLE_ACCEPT2] = 4, [TABLE_NEXT] = 2 | 4,
};

typedef struct Table {
	const uint8_t *data; /* NULL: there is none */
	uint32_t n, width;
} Table;

static uint32_t read16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t read32(const uint8_t *p)
{
	return read16(p) << 16 | read16(p + 2);
}

static uint32_t element(const Table *t, uint32_t i)
{
	switch (t->width) {
	case 1:
		return t->data[i];
	case 2:
		return read16(t->data + 2 * (size_t)i);
	default:
		return read32(t->data + 4 * (size_t)i);
	}
}

static int malformed(ProfileReport *report, const char *what)
{
	return profile_fail(report, -EINVAL, "the packed automaton is malformed: %s", what);
}

/* The size of the header, which the tables follow. */
static int read_header(const uint8_t *p, size_t size, size_t *ret, ProfileReport *report)
{
	uint32_t length, flags;

	if (size < SET_HEADER || read32(p) != MAGIC)
		return malformed(report, "no header");
	length = read32(p + 4);
	flags = read16(p + 12);
	if (length < SET_HEADER || length % ALIGNMENT || length > size || read32(p + 8) != size)
		return malformed(report, "its header's sizes");
	if (flags & FLAG_DIFFERENCES)
		return profile_fail(report, -EOPNOTSUPP,
				    "the packed automaton encodes differences between states");
	if (flags & FLAG_OUT_OF_BAND)
		return profile_fail(report, -EOPNOTSUPP,
				    "the packed automaton has out of band transitions");
	if (flags)
		return malformed(report, "its header's flags");
	*ret = length;
	return 0;
}

/* One table; *ret_size is what it takes of @size, with its padding. */
static int read_table(const uint8_t *p, size_t size, Table *tables, size_t *ret_size,
		      ProfileReport *report)
{
	uint64_t bytes;
	uint32_t id;
	Table t;

	if (size < TABLE_HEADER)
		return malformed(report, "a table's header is cut");
	id = read16(p);
	t = (Table){ .data = p + TABLE_HEADER, .width = read16(p + 2), .n = read32(p + 8) };
	if (id >= NR_TABLES || !widths[id])
		return malformed(report, "a table of an unknown kind");
	if (tables[id].data)
		return malformed(report, "a table comes twice");
	if ((t.width != 1 && t.width != 2 && t.width != 4) || !(t.width & widths[id]))
		return malformed(report, "a table's width");
	bytes = TABLE_HEADER + (uint64_t)t.n * t.width;
	bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (!t.n || read32(p + 4) || bytes > size)
		return malformed(report, "a table's length");
	tables[id] = t;
	*ret_size = (size_t)bytes;
	return 0;
}

static int check_tables(const Table *tables, ProfileReport *report)
{
	const uint32_t n_states = tables[TABLE_BASE].n, n_edges = tables[TABLE_NEXT].n;

	if (!tables[TABLE_BASE].data || !tables[TABLE_DEFAULT].data || !tables[TABLE_CHECK].data ||
	    !tables[TABLE_NEXT].data || !tables[TABLE_ACCEPT].data || !tables[TABLE_ACCEPT2].data)
		return malformed(report, "a table is missing");
	if (tables[TABLE_DEFAULT].n != n_states || tables[TABLE_ACCEPT].n != n_states ||
	    tables[TABLE_ACCEPT2].n != n_states || tables[TABLE_CHECK].n != n_edges)
		return malformed(report, "tables of one kind differ in length");
	if (tables[TABLE_CLASSES].data && tables[TABLE_CLASSES].n != 256)
		return malformed(report, "its classes are not those of 256 bytes");
	if (n_states < 2 || n_states > VK_DFA_MAX_STATES || n_edges > VK_DFA_MAX_EDGES)
		return malformed(report, "its number of states");
	for (uint32_t i = 0; i < n_edges; i++)
		if (element(&tables[TABLE_NEXT], i) >= n_states ||
		    element(&tables[TABLE_CHECK], i) >= n_states)
			return malformed(report, "its states lead nowhere");
	return 0;
}

static int read_tables(const uint8_t *p, size_t size, Table *tables, ProfileReport *report)
{
	size_t at, used;
	int r;

	r = read_header(p, size, &at, report);
	for (; r == 0 && at < size; at += used)
		r = read_table(p + at, size - at, tables, &used, report);
	return r < 0 ? r : check_tables(tables, report);
}

static void fill(struct vk_dfa *dfa, const Table *tables)
{
	struct vk_dfa_edge *edges = (struct vk_dfa_edge *)(dfa->states + dfa->nr_states);
	const Table *classes = &tables[TABLE_CLASSES];
	uint32_t i;

	for (i = 0; i < 256; i++)
		dfa->classes[i] = (uint8_t)(classes->data ? element(classes, i) : i);
	for (i = 0; i < dfa->nr_states; i++)
		dfa->states[i] = (struct vk_dfa_state){
			.base = element(&tables[TABLE_BASE], i),
			.otherwise = element(&tables[TABLE_DEFAULT], i),
			.accept = element(&tables[TABLE_ACCEPT], i),
			.accept2 = element(&tables[TABLE_ACCEPT2], i),
		};
	for (i = 0; i < dfa->nr_edges; i++)
		edges[i] = (struct vk_dfa_edge){
			.next = (uint16_t)element(&tables[TABLE_NEXT], i),
			.owner = (uint16_t)element(&tables[TABLE_CHECK], i),
		};
}

/* The parser's flags of a state lie where ours does, and all of them need a flag of the header. */
static bool has_flags(const struct vk_dfa *dfa)
{
	for (uint32_t i = 0; i < dfa->nr_states; i++)
		if (dfa->states[i].base >= VK_DFA_MAX_EDGES)
			return true;
	return false;
}

static void settle(struct vk_dfa *dfa)
{
	for (uint32_t i = 0; i < dfa->nr_states; i++)
		if (vk_dfa_stays(dfa, i, 1))
			dfa->states[i].base |= VK_DFA_SETTLED;
}

int dfa_read(const void *packed, size_t size, struct vk_dfa **ret, ProfileReport *report)
{
	_cleanup_free_ struct vk_dfa *dfa = NULL;
	Table tables[NR_TABLES] = {};
	struct vk_dfa head = { .start = 1 };
	int r;

	r = read_tables(packed, size, tables, report);
	if (r < 0)
		return r;
	head.nr_states = tables[TABLE_BASE].n;
	head.nr_edges = tables[TABLE_NEXT].n;
	dfa = calloc(1, vk_dfa_size(&head));
	if (!dfa)
		return -ENOMEM;
	*dfa = head;
	fill(dfa, tables);
	if (has_flags(dfa) || !vk_dfa_valid(dfa, vk_dfa_size(dfa)))
		return malformed(report, "its states lead nowhere");
	settle(dfa);
	*ret = TAKE_PTR(dfa);
	return 0;
}
