/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vkernel-runtime: a container runtime that gives containers their kernel and leaves the rest. */
#pragma once

#define SHIM_NAME "vkernel-runtime"

/* Returns an exit status, or becomes the low-level runtime. */
int shim_main(int argc, char **argv);
