/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events as entries of the journal. */
#pragma once

#include "vkerneld/shown.h"

void journal_event(const Shown *s);
