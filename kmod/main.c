// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/printk.h>

#include <vkernel/version.h>

#include "capability.h"
#include "genl.h"
#include "handler.h"
#include "hook.h"
#include "instance.h"
#include "lifecycle.h"
#include "path.h"
#include "security.h"
#include "symbol.h"

static int __init vkernel_init(void)
{
	int err;

	/* There, counts and locks are waited for where paths are read without preemption. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		pr_err("kernels with PREEMPT_RT can not have virtual kernels\n");
		return -EOPNOTSUPP;
	}
	err = vk_symbols_find();
	if (err)
		return err;
	err = vk_handlers_find();
	if (err)
		return err;
	vk_capability_find();
	vk_path_find();
	vk_security_find();
	err = vk_hooks_guard();
	if (err)
		goto forget;
	err = vk_instances_init();
	if (err)
		goto unguard;
	err = vk_lifecycle_attach();
	if (err)
		goto exit_instances;
	err = vk_genl_register();
	if (err)
		goto detach;
	return 0;
detach:
	vk_lifecycle_detach();
exit_instances:
	vk_instances_exit();
unguard:
	vk_hooks_unguard();
forget:
	vk_handlers_forget();
	return err;
}

/*
 * Image modules use this one's symbols, and instances hold their image module: when this runs,
 * there is neither, no function is hooked, and no task carries an id.
 */
static void __exit vkernel_exit(void)
{
	vk_genl_unregister();
	vk_lifecycle_detach();
	vk_instances_exit();
	vk_hooks_unguard();
	vk_handlers_forget();
}

module_init(vkernel_init);
module_exit(vkernel_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Virtual kernels for containers: the core");
MODULE_VERSION(VK_VERSION);
#ifdef VK_FIT
MODULE_INFO(vkernel, __stringify(VK_FIT));
#endif
