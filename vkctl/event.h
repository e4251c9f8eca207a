/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An event, for people. */
#pragma once

#include <json-c/json.h>

/* One line of the standard output. */
void print_event(json_object *event);
