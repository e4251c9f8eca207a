/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gets a policy into the kernel: the core and the image's module, built and loaded as needed. */
#pragma once

#include "vkerneld/manager.h"
#include "vkerneld/names.h"
#include "vkerneld/profile/policy.h"
#include "vkerneld/task.h"

/* failure: NULL for a success. cached: nothing had to be compiled. */
typedef void (*EnsureDone)(Failure *failure, bool cached, void *userdata);

/* Inside of the caller's own object. */
typedef struct Ensure {
	Manager *manager;
	const Policy *policy; /* or NULL */
	EnsureDone done;
	void *userdata;
	bool cached;
	char module[MODULE_NAME_SIZE]; /* that loads now, or did last */
	char imported[HASH_HEX_SIZE]; /* its key, if another host made it */
	char signer[256]; /* of that, or empty */
	Task *task;
} Ensure;

/* May call back before it returns. policy must live until then; NULL: the core alone. */
void ensure_loaded(Ensure *e, Manager *m, const Policy *policy, EnsureDone done, void *userdata);

/* The daemon ends: nothing calls back any more, once the builder is gone. */
void ensure_cancel(Ensure *e);

/* Is a policy of that digest registered with the core? 0, -ENOENT, or another errno. */
int ensure_find(Kernel *k, const uint8_t digest[VK_DIGEST_SIZE], KernelPolicy *ret);

/* Whether this core can enforce all that the policy says; NULL says nothing. */
int ensure_supported(const KernelInfo *info, const Policy *policy, Failure *f);

/* What an errno of the core's netlink family means, where the caller knows nothing better. */
int fail_kernel(Failure *f, int r, const Kernel *k, const char *doing);
