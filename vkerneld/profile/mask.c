/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/profile/mask.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "proto/util.h"
#include "vkerneld/profile/automaton.h"

#define BOTH(may) ((uint32_t)(may) | (uint32_t)(may) << VK_OTHER_SHIFT)
#define MAY_CHANGE (VK_MAY_WRITE | VK_MAY_APPEND | VK_MAY_LINK)

/* States that every tree has, behind VK_DFA_NOMATCH. */
enum state {
	STATE_FREE = 1, /* no rule is about it */
	STATE_PAIR, /* behind the NUL of a link: its target */
	STATE_READONLY,
	STATE_HIDDEN, /* beneath a masked folder */
	STATE_FOLDER, /* a masked one: it may be listed */
	STATE_ROOT
};

static const uint32_t accepts[] = {
	[STATE_FREE] = BOTH(VK_MAY_MASK),
	[STATE_PAIR] = BOTH(VK_MAY_LINK | VK_MAY_LINK_SUBSET),
	[STATE_READONLY] = BOTH(VK_MAY_MASK & ~MAY_CHANGE) | VK_FILE_KEPT,
	[STATE_HIDDEN] = VK_FILE_KEPT,
	[STATE_FOLDER] = BOTH(VK_MAY_MASK & ~MAY_CHANGE) | VK_FILE_KEPT,
	[STATE_ROOT] = BOTH(VK_MAY_MASK),
};

/* The greater one hides more. */
typedef enum Kind { KIND_NONE, KIND_READONLY, KIND_MASKED } Kind;

typedef struct Node {
	uint32_t parent;
	uint32_t around; /* where a byte leads that no longer path has here */
	uint8_t byte;
	Kind kind;
} Node;

/* Paths byte by byte; parents come before their children. */
typedef struct Tree {
	Automaton automaton;
	Node *nodes; /* by state */
} Tree;

static void tree_done(Tree *t)
{
	automaton_done(&t->automaton);
	free(t->nodes);
}

static void fill(uint32_t *row, uint32_t state)
{
	for (uint32_t i = 1; i < 256; i++)
		row[i] = state;
}

static int tree_begin(Tree *t)
{
	uint8_t each[256];
	uint32_t state;
	int r;

	for (uint32_t i = 0; i < 256; i++)
		each[i] = (uint8_t)i;
	r = automaton_begin(&t->automaton, each, 256);
	for (uint32_t i = STATE_FREE; r == 0 && i <= STATE_ROOT; i++)
		r = automaton_add(&t->automaton, accepts[i], 0, &state);
	if (r < 0)
		return r;
	t->automaton.start = STATE_ROOT;
	t->nodes = calloc(t->automaton.room, sizeof(*t->nodes));
	if (!t->nodes)
		return -ENOMEM;
	for (uint32_t i = STATE_FREE; i < STATE_FOLDER; i++)
		fill(automaton_row(&t->automaton, i), i);
	fill(automaton_row(&t->automaton, STATE_FOLDER), STATE_HIDDEN);
	automaton_row(&t->automaton, STATE_FREE)[0] = STATE_PAIR;
	return 0;
}

static int add_node(Tree *t, uint32_t parent, uint8_t byte, uint32_t *ret)
{
	const uint32_t room = t->automaton.room;
	int r;

	if (t->automaton.n_states == MASK_MAX_STATES)
		return -E2BIG;
	r = automaton_add(&t->automaton, 0, 0, ret);
	if (r < 0)
		return r;
	if (room != t->automaton.room) {
		Node *larger = reallocarray(t->nodes, t->automaton.room, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		t->nodes = larger;
	}
	t->nodes[*ret] = (Node){ .parent = parent, .byte = byte };
	automaton_row(&t->automaton, parent)[byte] = *ret;
	return 0;
}

static int insert(Tree *t, const char *path, Kind kind)
{
	uint32_t at = STATE_ROOT;

	for (; *path; path++) {
		const uint8_t byte = (uint8_t)*path;
		uint32_t next = automaton_row(&t->automaton, at)[byte];
		int r = next ? 0 : add_node(t, at, byte, &next);

		if (r < 0)
			return r;
		at = next;
	}
	if (t->nodes[at].kind < kind)
		t->nodes[at].kind = kind;
	return 0;
}

/* The path as the kernel would name it, without a look at any link; "" for the root. */
static bool clean(const char *path, char ret[PATH_MAX])
{
	size_t size = 0;

	if (path[0] != '/' || strlen(path) >= PATH_MAX)
		return false;
	while (*path) {
		const size_t length = strcspn(++path, "/");

		if (length == 2 && memcmp(path, "..", 2) == 0) {
			while (size && ret[--size] != '/')
				;
		} else if (length && !(length == 1 && path[0] == '.')) {
			ret[size++] = '/';
			memcpy(ret + size, path, length);
			size += length;
		}
		path += length;
	}
	ret[size] = '\0';
	return true;
}

static int insert_all(Tree *t, json_object *paths, Kind kind, const char **ret_path)
{
	const size_t n = paths ? json_object_array_length(paths) : 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		const char *path = json_object_get_string(json_object_array_get_idx(paths, i));
		char cleaned[PATH_MAX];

		*ret_path = path;
		r = clean(path, cleaned) && *cleaned ? insert(t, cleaned, kind) : -EINVAL;
	}
	return r;
}

static bool is_masked_folder(const Tree *t, const Node *n)
{
	return n->byte == '/' && t->nodes[n->parent].kind == KIND_MASKED;
}

static uint32_t around(const Tree *t, const Node *n)
{
	const Node *parent = &t->nodes[n->parent];

	if (n->byte != '/' || parent->kind == KIND_NONE || parent->around == STATE_HIDDEN)
		return parent->around;
	return parent->kind == KIND_MASKED ? STATE_HIDDEN : STATE_READONLY;
}

static uint32_t accept_of(const Tree *t, const Node *n)
{
	if (t->nodes[n->parent].around == STATE_HIDDEN)
		return accepts[STATE_HIDDEN];
	if (is_masked_folder(t, n))
		return accepts[STATE_FOLDER];
	switch (n->kind) {
	case KIND_MASKED:
		return VK_FILE_MASKED | VK_FILE_KEPT;
	case KIND_READONLY:
		return accepts[STATE_READONLY];
	default:
		return accepts[n->around];
	}
}

static void finish_node(Tree *t, uint32_t state)
{
	static const uint32_t beneath[] = {
		[KIND_READONLY] = STATE_READONLY, [KIND_MASKED] = STATE_FOLDER
	};
	uint32_t *row = automaton_row(&t->automaton, state);
	Node *n = &t->nodes[state];

	n->around = state == STATE_ROOT ? STATE_FREE : around(t, n);
	for (uint32_t i = 1; i < 256; i++)
		if (!row[i])
			row[i] = i == '/' && n->kind != KIND_NONE && n->around != STATE_HIDDEN
					 ? beneath[n->kind]
					 : n->around;
	if (n->kind == KIND_NONE && n->around == STATE_FREE)
		row[0] = STATE_PAIR;
	if (state != STATE_ROOT)
		t->automaton.accept[state] = accept_of(t, n);
}

static int confine(const struct vk_dfa *dfa, struct vk_confinement **ret)
{
	const size_t label = sizeof(struct vk_confinement) + vk_dfa_size(dfa);
	const size_t size = (label + sizeof(MASK_LABEL) + 7) & ~(size_t)7;
	struct vk_confinement *c = calloc(1, size);

	if (!c)
		return -ENOMEM;
	c->size = (uint32_t)size;
	c->flags = VK_CONFINE_ATTACH_DISCONNECTED | VK_CONFINE_MEDIATE_DELETED | VK_CONFINE_MASKS |
		   VK_CONFINE_UNNAMED;
	c->mediates = VK_CLASS_BIT(VK_CLASS_FILE);
	c->file = sizeof(*c);
	c->label = (uint32_t)label;
	memcpy((char *)c + c->file, dfa, vk_dfa_size(dfa));
	memcpy((char *)c + c->label, MASK_LABEL, sizeof(MASK_LABEL));
	*ret = c;
	return 0;
}

int mask_confinement(json_object *masked, json_object *readonly, struct vk_confinement **ret,
		     const char **ret_path)
{
	_cleanup_(tree_done) Tree t = {};
	_cleanup_free_ struct vk_dfa *dfa = NULL;
	int r;

	*ret = NULL;
	r = tree_begin(&t);
	if (r == 0)
		r = insert_all(&t, masked, KIND_MASKED, ret_path);
	if (r == 0)
		r = insert_all(&t, readonly, KIND_READONLY, ret_path);
	if (r < 0 || t.automaton.n_states == STATE_ROOT + 1)
		return r;
	for (uint32_t i = STATE_ROOT; i < t.automaton.n_states; i++)
		finish_node(&t, i);
	r = automaton_pack(&t.automaton, &dfa);
	return r < 0 ? r : confine(dfa, ret);
}
