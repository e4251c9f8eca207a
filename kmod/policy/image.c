// SPDX-License-Identifier: GPL-2.0-only
/*
 * An image module: one policy, and no logic. policy_data.h is generated and holds the bytes of a
 * struct vk_policy as numbers. In a module that was made of a template, those of another policy
 * are in their place (vkerneld/build/template.c).
 */
#include <linux/init.h>
#include <linux/module.h>

#include <vkernel/policy.h>

static const __u64 policy_data[] __aligned(8) __section(".vkernel.policy") = {
#include "policy_data.h"
};

static const struct vk_policy *const policy = (const struct vk_policy *)policy_data;

/* Its size is read, since what lies there is not what the compiler saw, if vkerneld replaced it. */
static int __init image_init(void)
{
	return vkernel_policy_register(policy, READ_ONCE(policy->size), THIS_MODULE);
}

static void __exit image_exit(void)
{
	vkernel_policy_unregister(policy);
}

module_init(image_init);
module_exit(image_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("vkernel: the policy of a container image");
#ifdef VK_FIT
MODULE_INFO(vkernel, __stringify(VK_FIT));
#endif
