/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The confinements behind a policy's nodes. */
#include <stdbool.h>
#include <string.h>

#include "proto/util.h"
#include "vkerneld/profile/policy.h"

static bool has(const Policy *p, const struct vk_confinement *wanted)
{
	const struct vk_confinement *c;

	vk_for_each_confinement(c, p)
		if (c->size == wanted->size && memcmp(c, wanted, c->size) == 0)
			return true;
	return false;
}

/* One that only complains takes nothing away. */
static void sum_up(Policy *p, const struct vk_confinement *c)
{
	p->mediates |= c->mediates;
	if (c->mediates & VK_CLASS_BIT(VK_CLASS_CAPABILITY) && !(c->flags & VK_CONFINE_COMPLAIN))
		p->capabilities &= c->capabilities;
}

int policy_confine(Policy **policy, const struct vk_confinement *c)
{
	Policy *p = *policy;

	if (has(p, c))
		return 0;
	if (c->size > VK_POLICY_MAX_SIZE - p->size)
		return -E2BIG;
	p = realloc(p, p->size + c->size);
	if (!p)
		return -ENOMEM;
	memcpy((char *)p + p->size, c, c->size);
	p->size += c->size;
	sum_up(p, c);
	policy_seal(p);
	*policy = p;
	return 0;
}
