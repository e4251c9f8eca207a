/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Policies as people read them. */
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include <seccomp.h>

#include "proto/util.h"
#include "vkerneld/profile/field.h"
#include "vkerneld/profile/graph.h"

/* Decisions that share nodes can unfold to any length. */
#define LINES_MAX 100

typedef struct Describer {
	const Policy *p;
	uint32_t table;
	uint32_t usual; /* the verdict that goes without saying */
	unsigned int lines; /* left for this call */
} Describer;

/* Takes @value over, whatever comes of it. */
static int put(json_object *object, const char *key, json_object *value)
{
	if (value && json_object_object_add(object, key, value) == 0)
		return 0;
	json_object_put(value);
	return -ENOMEM;
}

static int append(json_object *array, json_object *value)
{
	if (value && json_object_array_add(array, value) == 0)
		return 0;
	json_object_put(value);
	return -ENOMEM;
}

static json_object *describe_verdict(uint32_t verdict)
{
	static const char *const names[VK_NR_ACTIONS] = {
		[VK_ALLOW] = "allow",
		[VK_LOG] = "log",
		[VK_TRACE] = "trace",
		[VK_ERRNO] = "errno",
		[VK_TRAP] = "trap",
		[VK_KILL_THREAD] = "kill-thread",
		[VK_KILL_PROCESS] = "kill-process",
	};
	const char *name = names[VK_VERDICT_ACTION(verdict)];
	char text[32];

	if (VK_VERDICT_ACTION(verdict) != VK_ERRNO)
		return json_object_new_string(name);
	snprintf(text, sizeof(text), "%s(%u)", name, VK_VERDICT_DATA(verdict));
	return json_object_new_string(text);
}

static void print_comparison(const Describer *d, const struct vk_node *n, FILE *f)
{
	const char *op = n->op == VK_OP_EQ ? "==" : n->op == VK_OP_GT ? ">" : ">=";
	bool whole = n->mask == (d->table == VK_TABLE_COMPAT ? UINT32_MAX : UINT64_MAX);

	if (whole)
		fprintf(f, "arg%u", n->arg);
	else
		fprintf(f, "(arg%u & 0x%" PRIx64 ")", n->arg, (uint64_t)n->mask);
	fprintf(f, " %s 0x%" PRIx64, op, (uint64_t)n->value);
}

/*
 * The comparisons from @n on that must all hold to avoid n->no, as one condition; *then is what
 * follows.
 */
static char *describe_condition(const Describer *d, const struct vk_node *n, uint32_t *then)
{
	const struct vk_node *next = n;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	print_comparison(d, n, f);
	while (is_program(next->yes) && d->p->nodes[next->yes & ~VK_ENTRY_PROGRAM].no == n->no) {
		next = &d->p->nodes[next->yes & ~VK_ENTRY_PROGRAM];
		fputs(" && ", f);
		print_comparison(d, next, f);
	}
	*then = next->yes;
	fclose(f);
	return text;
}

static json_object *describe_program(Describer *d, uint32_t entry);

static json_object *describe_entry(Describer *d, uint32_t entry)
{
	return is_program(entry) ? describe_program(d, entry) : describe_verdict(entry);
}

static int describe_line(Describer *d, const struct vk_node *n, json_object *lines)
{
	_cleanup_json_ json_object *line = json_object_new_object();
	_cleanup_free_ char *condition = NULL;
	uint32_t then;
	int r;

	condition = describe_condition(d, n, &then);
	if (!line || !condition)
		return -ENOMEM;
	r = put(line, "if", json_object_new_string(condition));
	if (r == 0)
		r = put(line, "then", describe_entry(d, then));
	return r < 0 ? r : append(lines, TAKE_PTR(line));
}

static int describe_else(json_object *lines, json_object *verdict)
{
	_cleanup_json_ json_object *line = json_object_new_object();
	int r;

	if (!line) {
		json_object_put(verdict);
		return -ENOMEM;
	}
	r = put(line, "else", verdict);
	return r < 0 ? r : append(lines, TAKE_PTR(line));
}

static json_object *describe_program(Describer *d, uint32_t entry)
{
	_cleanup_json_ json_object *lines = json_object_new_array();
	const struct vk_node *n;
	int r = lines ? 0 : -ENOMEM;

	while (r == 0 && is_program(entry) && d->lines) {
		d->lines--;
		n = &d->p->nodes[entry & ~VK_ENTRY_PROGRAM];
		r = describe_line(d, n, lines);
		entry = n->no;
	}
	if (r == 0)
		r = describe_else(lines, is_program(entry) ? json_object_new_string("...")
							   : describe_verdict(entry));
	return r < 0 ? NULL : TAKE_PTR(lines);
}

static char *call_name(uint32_t table, uint32_t number)
{
	uint32_t arch = table == VK_TABLE_COMPAT ? SCMP_ARCH_X86 : SCMP_ARCH_X86_64;

	return seccomp_syscall_resolve_num_arch(arch, (int)number);
}

/* The verdict that most calls with a name have. */
static uint32_t usual_verdict(const uint32_t *table, const char *const *names)
{
	uint32_t best = VK_VERDICT(VK_ALLOW, 0), best_count = 0, count;

	for (uint32_t i = 0; i < VK_NR_CALLS; i++) {
		if (is_program(table[i]) || !names[i])
			continue;
		count = 0;
		for (uint32_t k = i; k < VK_NR_CALLS; k++)
			count += names[k] && table[k] == table[i];
		if (count > best_count) {
			best = table[i];
			best_count = count;
		}
	}
	return best;
}

static int describe_range(Describer *d, uint32_t from, uint32_t to, json_object *unnamed)
{
	uint32_t entry = d->p->table[d->table][from];
	char key[32];

	if (entry == d->usual)
		return 0;
	if (to == VK_CALL_BEYOND)
		snprintf(key, sizeof(key), "%u-", from);
	else if (to == from)
		snprintf(key, sizeof(key), "%u", from);
	else
		snprintf(key, sizeof(key), "%u-%u", from, to);
	d->lines = LINES_MAX;
	return put(unnamed, key, describe_entry(d, entry));
}

static int describe_unnamed(Describer *d, const char *const *names, json_object *unnamed)
{
	const uint32_t *table = d->p->table[d->table];
	uint32_t from, to;
	int r = 0;

	for (from = 0; r == 0 && from <= VK_CALL_BEYOND; from = to + 1) {
		to = from;
		if (names[from])
			continue;
		while (to < VK_CALL_BEYOND && !names[to + 1] && table[to + 1] == table[from])
			to++;
		r = describe_range(d, from, to, unnamed);
	}
	return r;
}

static int describe_calls(Describer *d, const char *const *names, json_object *calls)
{
	uint32_t entry;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < VK_NR_CALLS; i++) {
		entry = d->p->table[d->table][i];
		if (!names[i] || entry == d->usual)
			continue;
		d->lines = LINES_MAX;
		r = put(calls, names[i], describe_entry(d, entry));
	}
	return r;
}

static int describe_named(Describer *d, const char *const *names, json_object *object)
{
	json_object *calls = json_object_new_object(), *unnamed;
	int r;

	d->usual = usual_verdict(d->p->table[d->table], names);
	r = put(object, "default", describe_verdict(d->usual));
	if (r < 0) {
		json_object_put(calls);
		return r;
	}
	r = put(object, "calls", calls);
	if (r < 0)
		return r;
	unnamed = json_object_new_object();
	r = put(object, "unnamed", unnamed);
	if (r == 0)
		r = describe_calls(d, names, calls);
	return r < 0 ? r : describe_unnamed(d, names, unnamed);
}

static int describe_table(Describer *d, json_object *object)
{
	/* The last one stands for all numbers beyond and stays NULL. */
	char *names[VK_NR_CALLS + 1] = {};
	int r;

	for (uint32_t i = 0; i < VK_NR_CALLS; i++)
		names[i] = call_name(d->table, i);
	r = describe_named(d, (const char *const *)names, object);
	for (uint32_t i = 0; i < VK_NR_CALLS; i++)
		free(names[i]);
	return r;
}

int policy_describe(const Policy *p, json_object **ret)
{
	static const char *const keys[VK_NR_TABLES] = {
		[VK_TABLE_NATIVE] = "x86_64",
		[VK_TABLE_COMPAT] = "i386",
	};
	_cleanup_json_ json_object *all = json_object_new_object();
	Describer d = { .p = p };
	json_object *object;
	int r = all ? 0 : -ENOMEM;

	for (; r == 0 && d.table < VK_NR_TABLES; d.table++) {
		object = json_object_new_object();
		r = put(all, keys[d.table], object);
		if (r == 0)
			r = describe_table(&d, object);
	}
	if (r == 0)
		*ret = TAKE_PTR(all);
	return r;
}
