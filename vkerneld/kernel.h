/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The core's generic netlink family: requests, dumps and events. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include <vkernel/confine.h>

#include "proto/util.h"
#include "proto/vkernel_genl.h"

typedef struct Kernel Kernel;

typedef struct KernelInfo {
	uint32_t abi, features, instances, instances_max, policies;
	char version[32];
} KernelInfo;

typedef struct KernelHook {
	char symbol[128];
	uint32_t state; /* enum vkernel_hook_state */
	uint32_t users;
} KernelHook;

typedef struct KernelPolicy {
	uint8_t digest[VK_DIGEST_SIZE];
	char module[64];
	uint32_t instances, hooks;
} KernelPolicy;

typedef struct KernelInstance {
	uint32_t id;
	char container[VKERNEL_CONTAINER_MAX + 1];
	uint8_t digest[VK_DIGEST_SIZE];
	uint32_t pid, state, mode, scope, on_claim;
	uint64_t checked, denied, dropped, claims;
	uint64_t capabilities; /* by bit */
	uint64_t refused[VK_NR_CLASSES]; /* operations, by enum vk_class */
} KernelInstance;

/* What a new instance is to be. */
typedef struct KernelBinding {
	const char *container;
	const uint8_t *digest; /* VK_DIGEST_SIZE */
	uint32_t pid, mode, on_claim;
	uint64_t capabilities; /* by bit; UINT64_MAX: all, and the core need not check them */
} KernelBinding;

typedef struct KernelCall {
	uint32_t table, nr;
	uint64_t denied;
} KernelCall;

/* has: a bit per VKERNEL_A_EVENT_* that came with the event. */
typedef struct KernelEvent {
	uint32_t has;
	uint32_t kind, instance, pid, tid, status, mode, table, nr, verdict, capability;
	uint32_t class, operation, requested, missing, family, type, signal, resource;
	char container[VKERNEL_CONTAINER_MAX + 1];
	char comm[32];
	uint8_t digest[VK_DIGEST_SIZE];
	uint64_t args[6];
	uint64_t dropped;
	/* Whatever bytes a container puts there; NULL if it has none. */
	const char *path, *target, *label;
} KernelEvent;

#define KERNEL_EVENT_HAS(e, attribute) (((e)->has >> (attribute)) & 1)

/*
 * What the core has to say, and, as a NULL event: some were lost or the core came back. Strings that
 * the event points at live until it returns.
 */
typedef void (*KernelListener)(const KernelEvent *event, void *userdata);

int kernel_new(sd_event *event, KernelListener listener, void *userdata, Kernel **ret);
Kernel *kernel_free(Kernel *k);

/*
 * Is the core loaded? 0, or -ENOPKG. All functions below return -ENOPKG without it, and else the
 * errno of the core; kernel_message() has its words for the last of them, or NULL.
 */
int kernel_probe(Kernel *k);
const char *kernel_message(const Kernel *k);

int kernel_info(Kernel *k, KernelInfo *ret);
/* Arrays are freed by the caller. */
int kernel_hooks(Kernel *k, KernelHook **ret, size_t *ret_n);
int kernel_policies(Kernel *k, KernelPolicy **ret, size_t *ret_n);
int kernel_instances(Kernel *k, KernelInstance **ret, size_t *ret_n);
int kernel_calls(Kernel *k, uint32_t instance, KernelCall **ret, size_t *ret_n);

int kernel_bind(Kernel *k, const KernelBinding *want, KernelInstance *ret);
/* By id and container: the core uses ids again. */
int kernel_unbind(Kernel *k, const KernelInstance *i);
int kernel_set_mode(Kernel *k, const KernelInstance *i, uint32_t mode);
/* From its next operation on. */
int kernel_set_policy(Kernel *k, const KernelInstance *i, const uint8_t digest[VK_DIGEST_SIZE]);
