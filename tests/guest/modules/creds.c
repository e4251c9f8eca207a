// SPDX-License-Identifier: GPL-2.0-only
/*
 * For the tests: who writes to /proc/vktest_creds gets every capability, in every set, as an
 * exploit would have it that can write to the kernel's memory: in place, past all checks, its user
 * the same. Who writes "host" gets them in the host's user namespace.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#define CREDS_NAME "vktest_creds"

static ssize_t creds_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	struct cred *cred = (struct cred *)current_cred();

	char word;

	if (!count || get_user(word, buf))
		return -EFAULT;
	if (word == 'h') {
		put_user_ns(cred->user_ns);
		cred->user_ns = get_user_ns(&init_user_ns);
	}
	cred->cap_inheritable = CAP_FULL_SET;
	cred->cap_permitted = CAP_FULL_SET;
	cred->cap_effective = CAP_FULL_SET;
	cred->cap_bset = CAP_FULL_SET;
	cred->cap_ambient = CAP_FULL_SET;
	return count;
}

static const struct proc_ops creds_ops = {
	.proc_write = creds_write,
};

static int __init creds_init(void)
{
	return proc_create(CREDS_NAME, 0666, NULL, &creds_ops) ? 0 : -ENOMEM;
}

static void __exit creds_exit(void)
{
	remove_proc_entry(CREDS_NAME, NULL);
}

module_init(creds_init);
module_exit(creds_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("vkernel tests: gives every capability to who asks");
