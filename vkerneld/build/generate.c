/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "vkerneld/build/generate.h"

static void write_digest(const Policy *p, FILE *f)
{
	fprintf(f, ".digest = {");
	for (size_t i = 0; i < VK_DIGEST_SIZE; i++)
		fprintf(f, " %u,", p->digest[i]);
	fprintf(f, " },\n");
}

/* Most entries of most policies are 0, which is what they are when they are not named. */
static void write_table(const __u32 *table, unsigned int index, FILE *f)
{
	fprintf(f, "[%u] = {\n", index);
	for (unsigned int nr = 0; nr <= VK_CALL_BEYOND; nr++)
		if (table[nr])
			fprintf(f, "[%u] = %uu,\n", nr, table[nr]);
	fprintf(f, "},\n");
}

static void write_node(const struct vk_node *n, FILE *f)
{
	fprintf(f, "{ .mask = %lluull, .value = %lluull, .yes = %uu, .no = %uu, ",
		(unsigned long long)n->mask, (unsigned long long)n->value, n->yes, n->no);
	fprintf(f, ".op = %u, .arg = %u },\n", n->op, n->arg);
}

int generate_policy(const Policy *p, FILE *f)
{
	fprintf(f, ".abi = %u,\n.nr_nodes = %u,\n", p->abi, p->nr_nodes);
	write_digest(p, f);
	fprintf(f, ".table = {\n");
	for (unsigned int i = 0; i < VK_NR_TABLES; i++)
		write_table(p->table[i], i, f);
	fprintf(f, "},\n.nodes = {\n");
	for (unsigned int i = 0; i < p->nr_nodes; i++)
		write_node(&p->nodes[i], f);
	fprintf(f, "},\n");
	return ferror(f) || fflush(f) != 0 ? -EIO : 0;
}
