/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A core, a builder and a loader of modules that only pretend: linked before the daemon's own, they
 * take the place of kernel.c, kmod.c, build/builder.c and build/prebuilt.c.
 */
#pragma once

#include "vkerneld/build/prebuilt.h"
#include "vkerneld/kernel.h"

#define FAKE_MAX 16
#define FAKE_DEAD_PID 4194303

typedef struct FakeCore {
	bool loaded, installed; /* the core */
	uint32_t abi; /* of the one that is loaded; the daemon's own of one that it loads */
	char version[32];
	KernelPolicy policies[FAKE_MAX];
	size_t n_policies;
	KernelInstance instances[FAKE_MAX];
	size_t n_instances;
	uint32_t next_id;
	uint32_t missing; /* features */
	KernelListener listener;
	void *userdata;
	BuilderKeys keys;
	char works_on[HASH_HEX_SIZE]; /* a key */
	PrebuiltLook look; /* what stands in a module that is imported */
	const char *imported; /* who signed what is asked for, if it was imported */
	int builds, loads, swaps, imports; /* how many */
	/* What goes wrong, once for the last. */
	int build_error, load_error, load_installed_error, unload_error, bind_error, policy_error;
} FakeCore;

extern FakeCore fake;

void fake_reset(void);
/* A container that the daemon knows nothing of. */
void fake_instance(const char *container, const uint8_t *digest);
void fake_forget(const char *container);
void fake_event(KernelEvent *event);
