/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The only part of an image module that differs from policy to policy. */
#pragma once

#include <stdio.h>

#include "vkerneld/profile/policy.h"

/*
 * Changes with what is written below for the same policy; what else goes into a module has its
 * content in the key of the cache.
 */
#define GENERATOR_VERSION 2

/* Writes the policy's bytes as 64-bit numbers: nothing else of a profile gets into a source. */
int generate_policy(const Policy *p, FILE *f);
