/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The core's numbers as the interface's words. Numbers without a word give NULL. */
#pragma once

#include <stdint.h>

#include "vkerneld/kernel.h"

#define SIGNAL_NAME_SIZE 16

const char *state_name(uint32_t state);
const char *mode_name(uint32_t mode);
const char *scope_name(uint32_t scope);
const char *event_name(uint32_t kind);
const char *arch_name(uint32_t table);
const char *claim_name(uint32_t on_claim);
const char *class_name(uint32_t class);
const char *operation_name(uint32_t operation);
/* As AppArmor's language has them. */
const char *family_name(uint32_t family);
const char *socket_type_name(uint32_t type);
const char *resource_name(uint32_t resource);
/* "SIGKILL" */
const char *signal_name(uint32_t sig, char ret[SIGNAL_NAME_SIZE]);

/* Both are for the caller to free. */
char *call_name(uint32_t table, uint32_t nr);
char *verdict_name(uint32_t verdict);

#define MODULE_NAME_SIZE (sizeof(VK_MODULE_PREFIX) + VK_MODULE_DIGITS)

/* By the digest alone. */
void module_name(const uint8_t digest[VK_DIGEST_SIZE], char ret[MODULE_NAME_SIZE]);
