/* SPDX-License-Identifier: GPL-2.0-only */
/* The moments of a task's life that the core looks at: tracepoints, attached and detached. */
#ifndef _VK_LIFECYCLE_H
#define _VK_LIFECYCLE_H

int vk_lifecycle_attach(void);

/* Returns when no probe runs any more. */
void vk_lifecycle_detach(void);

#endif
