/* SPDX-License-Identifier: GPL-2.0 OR LGPL-2.1-or-later */
#ifndef _VKERNEL_VERSION_H
#define _VKERNEL_VERSION_H

/* Of everything in the tree; CMake reads it here. */
#define VK_VERSION "0.1.0"

#endif
