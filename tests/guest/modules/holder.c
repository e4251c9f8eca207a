// SPDX-License-Identifier: GPL-2.0-only
/*
 * For the tests: takes the direct call of a function, as another tracer would, and does nothing
 * with it. With share=1 it lets others change where the function goes on, as BPF does.
 */
#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/version.h>

asmlinkage void holder_trampoline(void);

static char *symbol;
module_param(symbol, charp, 0444);
static bool share;
module_param(share, bool, 0444);

static struct ftrace_ops holder_ops;

/* The same answer whatever is asked; the arguments differ between kernels. */
static int holder_share(void)
{
	return 0;
}

static unsigned long holder_find(void)
{
	struct kprobe probe = { .symbol_name = symbol };
	unsigned long addr;

	if (register_kprobe(&probe))
		return 0;
	addr = (unsigned long)probe.addr;
	unregister_kprobe(&probe);
	return addr;
}

static int __init holder_init(void)
{
	unsigned long addr = holder_find();
	int err;

	if (!addr)
		return -ENOENT;
	err = ftrace_set_filter_ip(&holder_ops, addr, 0, 1);
	if (err)
		return err;
	if (share)
		holder_ops.ops_func = (void *)holder_share;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	err = register_ftrace_direct(&holder_ops, (unsigned long)holder_trampoline);
#else
	err = register_ftrace_direct_multi(&holder_ops, (unsigned long)holder_trampoline);
#endif
	if (err)
		ftrace_free_filter(&holder_ops);
	return err;
}

static void __exit holder_exit(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	unregister_ftrace_direct(&holder_ops, (unsigned long)holder_trampoline, true);
#else
	unregister_ftrace_direct_multi(&holder_ops, (unsigned long)holder_trampoline);
	ftrace_free_filter(&holder_ops);
#endif
	synchronize_rcu_tasks();
}

module_init(holder_init);
module_exit(holder_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("vkernel tests: holds a function");
