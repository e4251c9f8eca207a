/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How programs are executed under a profile: a container keeps the one it has. */
#pragma once

#include "vkerneld/apparmor/unpack.h"

/*
 * Puts plain permissions in place of the words of @dfa, a copy of the profile's automaton over
 * paths. -EOPNOTSUPP for a rule that executes under another profile, or under none, unless @inherit
 * takes it as ix, with a warning.
 */
int exec_settle(const ArmorProfile *p, bool inherit, struct vk_dfa *dfa, ProfileReport *report);
