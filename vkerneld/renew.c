/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vkerneld/kmod.h"
#include "vkerneld/log.h"
#include "vkerneld/names.h"
#include "vkerneld/renew.h"

bool core_is_own(const KernelInfo *info)
{
	return info->abi == VK_POLICY_ABI && strcmp(info->version, VK_VERSION) == 0;
}

/* The core last: the others use it. */
static int unload_all(Manager *m)
{
	_cleanup_free_ KernelPolicy *all = NULL;
	_cleanup_free_ const char **names = NULL;
	size_t n;
	int r;

	r = kernel_policies(m->kernel, &all, &n);
	if (r < 0)
		return r;
	names = calloc(n + 2, sizeof(*names));
	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		names[i] = all[i].module;
	names[n] = CORE_MODULE;
	return kmod_unload_now(names);
}

bool core_make_room(Manager *m, const KernelInfo *info)
{
	int r;

	if (info->instances > 0)
		return false;
	r = unload_all(m);
	if (r < 0) {
		log_message(LOG_WARNING, "the core of version %s can not be unloaded: %s",
			    info->version, strerror(-r));
		return false;
	}
	log_fields(LOG_NOTICE, (const char *const[]){ "VKERNEL_EVENT=unload", NULL },
		   "unloaded the core of version %s, which no container used: this vkerneld "
		   "is " VK_VERSION,
		   info->version);
	return true;
}

void core_renew(Manager *m)
{
	KernelInfo info = {};

	if (kernel_info(m->kernel, &info) < 0 || core_is_own(&info) || core_make_room(m, &info))
		return;
	log_message(LOG_WARNING,
		    "the core that is loaded is of version %s and policy ABI %u, this vkerneld "
		    "of " VK_VERSION " and %u; %u containers stay on it",
		    info.version, info.abi, VK_POLICY_ABI, info.instances);
}
