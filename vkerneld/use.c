/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "vkerneld/names.h"
#include "vkerneld/use.h"

/* What the kernel does not name is over, whatever the database says. */
static void read_policy(Manager *m, const KernelInstance *i, char **ret)
{
	_cleanup_db_instance_ DbInstance known = {};

	if (db_instance_get(m->db, m->host.boot, i->id, &known) >= 0)
		*ret = TAKE_PTR(known.policy);
}

int use_read(Manager *m, Use *ret)
{
	_cleanup_use_ Use u = {};
	int r;

	r = kernel_instances(m->kernel, &u.instances, &u.n);
	if (r < 0 && r != -ENOPKG)
		return r;
	u.policies = calloc(u.n + 1, sizeof(*u.policies));
	if (!u.policies)
		return -ENOMEM;
	for (size_t i = 0; i < u.n; i++)
		read_policy(m, &u.instances[i], &u.policies[i]);
	*ret = u;
	u = (Use){};
	return 0;
}

void use_done(Use *u)
{
	for (size_t i = 0; u->policies && i < u->n; i++)
		free(u->policies[i]);
	free(u->policies);
	free(u->instances);
}

bool use_is_of(const Use *u, size_t i, const char *policy, const char *digest)
{
	char hex[HASH_HEX_SIZE];

	if (u->policies[i] && strcmp(u->policies[i], policy) == 0)
		return true;
	hex_encode(u->instances[i].digest, VK_DIGEST_SIZE, hex);
	return strcmp(hex, digest) == 0;
}

size_t use_count(const Use *u, const char *policy, const char *digest)
{
	size_t n = 0;

	for (size_t i = 0; i < u->n; i++)
		n += use_is_of(u, i, policy, digest);
	return n;
}
