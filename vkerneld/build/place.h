/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A policy's module out of the template, or the core to be signed: nothing is compiled, so nothing
 * waits.
 */
#pragma once

#include "vkerneld/build/job.h"

/* Ends the job, at once if modules are not signed. */
void place_run(Job *j);
