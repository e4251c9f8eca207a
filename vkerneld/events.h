/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the core reports goes to the journal, the database and those who watch. */
#pragma once

#include "vkerneld/manager.h"

/* The Monitor of an event; a KernelListener. */
void events_handle(const KernelEvent *event, void *userdata);

/* Brings the database in line with the instances that the kernel has. */
void events_reconcile(Manager *m);

/* Takes the call over; container: NULL for all. */
int events_watch(Manager *m, VarlinkCall *call, const char *container);
void events_done(Manager *m);
