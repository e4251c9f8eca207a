/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets: which families and types a task may create. As file.h's. */
#ifndef _VK_NETWORK_H
#define _VK_NETWORK_H

struct vk_instance;

int vk_socket_create(int family, int type, int protocol, int kern, long,
		     struct vk_instance *instance);

#endif
