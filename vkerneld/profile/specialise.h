/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A BPF program over all system calls to what it decides for each of them. */
#pragma once

#include "vkerneld/profile/filter.h"
#include "vkerneld/profile/graph.h"

/*
 * Fills the table with entries of @g. -EINVAL with a message for a program that is not of the kind
 * that libseccomp emits, or tells numbers from VK_CALL_BEYOND on apart.
 */
int specialise(const Filter *filter, Graph *g, EntryTable table, ProfileReport *report);
