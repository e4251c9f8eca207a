// SPDX-License-Identifier: GPL-2.0-only
#include <linux/errno.h>
#include <linux/nospec.h>
#include <linux/rcupdate.h>

#include "confine.h"
#include "instance.h"
#include "network.h"
#include "policy.h"

static bool vk_has_type(const u16 *sockets, u32 family, u32 type)
{
	if (family >= VK_NR_FAMILIES || type >= VK_NR_SOCKET_TYPES)
		return false;
	return sockets[array_index_nospec(family, VK_NR_FAMILIES)] >> type & 1;
}

static int vk_socket_ask(struct vk_instance *instance, u32 family, u32 type)
{
	struct vk_operation operation = {
		.class = VK_CLASS_NETWORK,
		.kind = VKERNEL_OP_SOCKET,
		.requested = 1,
		.error = -EACCES,
		.family = family,
		.type = type,
	};
	const struct vk_confinement *c;
	const struct vk_policy *policy;
	int err = 0;

	rcu_read_lock();
	policy = vk_instance_policy(instance);
	vk_for_each_ruling(c, policy, VK_CLASS_NETWORK) {
		const struct vk_answer answer = {
			.missing = !vk_has_type(c->sockets, family, type),
			.audited = vk_has_type(c->sockets_audit, family, type),
			.quiet = vk_has_type(c->sockets_quiet, family, type),
		};

		err = vk_confine(instance, c, &operation, &answer);
		if (err)
			break;
	}
	rcu_read_unlock();
	return err;
}

/* The trampoline has found it not to be plain, where it could tell. */
int vk_socket_create(int family, int type, int protocol, int kern, long e,
		     struct vk_instance *instance)
{
	return kern ? 0 : vk_socket_ask(instance, family, type);
}
