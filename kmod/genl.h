/* SPDX-License-Identifier: GPL-2.0-only */
/* The generic netlink family "vkernel"; proto/vkernel.yaml is its contract. */
#ifndef _VK_GENL_H
#define _VK_GENL_H

#include <linux/types.h>

struct sk_buff;

int vk_genl_register(void);
void vk_genl_unregister(void);

bool vk_genl_has_listeners(void);

/* Begins an unsolicited message; NULL if it does not fit. */
void *vk_genl_put(struct sk_buff *skb, u8 cmd);

/* Takes @skb. Does not sleep. */
void vk_genl_multicast(struct sk_buff *skb);

#endif
