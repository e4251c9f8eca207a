/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Permissions that a confinement was asked for, as words. */
#pragma once

#include <stdint.h>

#include <json-c/json.h>

/* An array of the words for a set, of enum vk_class; a class may have none. */
int permissions_json(uint32_t class, uint32_t set, json_object **ret);

/* "read, write"; to be freed. */
char *permissions_text(uint32_t class, uint32_t set);
