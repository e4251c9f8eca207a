/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The texts of the interfaces, generated from the .varlink files beside this one. */
#pragma once

extern const char varlink_service_description[];
extern const char varlink_vkernel_description[];
