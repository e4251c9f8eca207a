/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kinds of rules that the core can mediate, as apparmor_parser's ABI files word them. What a
 * profile says of others is not packed. Our own, so that a policy's bytes do not depend on what the
 * host's kernel or its administrator takes for the ABI.
 */
#pragma once

extern const char armor_features[];
