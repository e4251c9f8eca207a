/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The only part of an image module that differs from policy to policy. */
#pragma once

#include <stdio.h>

#include "vkerneld/profile/policy.h"

/*
 * Changes with what is written below for the same policy; what else goes into a module has its
 * content in the key of the cache.
 */
#define GENERATOR_VERSION 1

/* Writes the members of a struct vk_policy as initialisers: numbers, and nothing of a profile. */
int generate_policy(const Policy *p, FILE *f);
