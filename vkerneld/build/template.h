/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Image modules without a compiler: Kbuild makes one, the template, once for a kernel; in a copy of
 * it the policy, its size, the module's name and the build id are replaced.
 */
#pragma once

#include "vkerneld/failure.h"
#include "vkerneld/profile/policy.h"

/* As long as the name of every image module. */
#define TEMPLATE_MODULE VK_MODULE_PREFIX "000000000000"

/* Changes with what is written below into the same template for the same policy. */
#define TEMPLATE_VERSION 1

/*
 * fd: a copy of the template, to read and write, which becomes the policy's module. On a negative
 * errno it is good for nothing, and f says what the template has not or has too often.
 */
int template_fill(int fd, const Policy *p, Failure *f);
