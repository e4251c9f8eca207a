// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/printk.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "entry.h"
#include "lifecycle.h"

/*
 * Tracepoints pass further arguments, which the probes leave: in the order of their registers,
 * the first one is the task everywhere.
 */
static struct vk_probe {
	const char *name;
	void *function;
	struct tracepoint *tracepoint;
	bool attached;
} vk_probes[] = {
	{ .name = "sched_process_exec", .function = vk_entry_executed },
	{ .name = "sched_process_exit", .function = vk_entry_exited },
	{ .name = "sched_process_free", .function = vk_entry_freed },
};

/* The kernel exports none of the three; they are found among all that it has. */
static void vk_probe_match(struct tracepoint *tracepoint, void *data)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vk_probes); i++)
		if (!strcmp(tracepoint->name, vk_probes[i].name))
			vk_probes[i].tracepoint = tracepoint;
}

static int vk_probe_attach(struct vk_probe *probe)
{
	int err;

	if (!probe->tracepoint) {
		pr_err("the kernel has no tracepoint %s, which is required\n", probe->name);
		return -EOPNOTSUPP;
	}
	err = tracepoint_probe_register(probe->tracepoint, probe->function, NULL);
	probe->attached = !err;
	return err;
}

int __init vk_lifecycle_attach(void)
{
	size_t i;
	int err = 0;

	for_each_kernel_tracepoint(vk_probe_match, NULL);
	for (i = 0; i < ARRAY_SIZE(vk_probes) && !err; i++)
		err = vk_probe_attach(&vk_probes[i]);
	if (err)
		vk_lifecycle_detach();
	return err;
}

void vk_lifecycle_detach(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vk_probes); i++)
		if (vk_probes[i].attached)
			tracepoint_probe_unregister(vk_probes[i].tracepoint, vk_probes[i].function,
						    NULL);
	tracepoint_synchronize_unregister();
}
