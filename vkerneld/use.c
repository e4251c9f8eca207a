/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "vkerneld/names.h"
#include "vkerneld/use.h"

/* What the kernel does not name is over, whatever the database says. */
static int read_policy(const DbInstance *known, void *userdata)
{
	Use *u = userdata;

	if (!known->policy)
		return 0;
	for (size_t i = 0; i < u->n; i++)
		if (u->instances[i].id == known->instance && !u->policies[i]) {
			u->policies[i] = strdup(known->policy);
			return u->policies[i] ? 0 : -ENOMEM;
		}
	return 0;
}

static int read_digests(Use *u)
{
	u->digests = calloc(u->n + 1, sizeof(*u->digests));
	if (!u->digests)
		return -ENOMEM;
	for (size_t i = 0; i < u->n; i++)
		hex_encode(u->instances[i].digest, VK_DIGEST_SIZE, u->digests[i]);
	return 0;
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
	r = db_instances(m->db, m->host.boot, read_policy, &u);
	if (r >= 0)
		r = read_digests(&u);
	if (r < 0)
		return r;
	*ret = u;
	u = (Use){};
	return 0;
}

void use_done(Use *u)
{
	for (size_t i = 0; u->policies && i < u->n; i++)
		free(u->policies[i]);
	free(u->policies);
	free(u->digests);
	free(u->instances);
}

bool use_is_of(const Use *u, size_t i, const char *policy, const char *digest)
{
	return (u->policies[i] && strcmp(u->policies[i], policy) == 0) ||
	       strcmp(u->digests[i], digest) == 0;
}

size_t use_count(const Use *u, const char *policy, const char *digest)
{
	size_t n = 0;

	for (size_t i = 0; i < u->n; i++)
		n += use_is_of(u, i, policy, digest);
	return n;
}
