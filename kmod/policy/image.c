// SPDX-License-Identifier: GPL-2.0-only
/*
 * An image module: one policy, and no logic. policy_data.h is generated and holds the bytes of a
 * struct vk_policy as numbers.
 */
#include <linux/init.h>
#include <linux/module.h>

#include <vkernel/policy.h>

static const __u64 policy[] __aligned(8) = {
#include "policy_data.h"
};

static int __init image_init(void)
{
	return vkernel_policy_register((const struct vk_policy *)policy, sizeof(policy),
				       THIS_MODULE);
}

static void __exit image_exit(void)
{
	vkernel_policy_unregister((const struct vk_policy *)policy);
}

module_init(image_init);
module_exit(image_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("vkernel: the policy of a container image");
