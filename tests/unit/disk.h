/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A disk in memory under SQLite, in place of the system's: it writes down what reaches it and in
 * which order, can lose its power after any of that, and can fail.
 *
 * What a file was told since its last sync may be lost, as a whole or by sectors, each of which then
 * is as one of the writes to it left it; names may be lost that were made or removed since their
 * folder was synced, which SQLite does when it first syncs a journal. Shared memory is lost always.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef enum DiskLoss {
	DISK_LOSES_ALL, /* that was not synced */
	DISK_LOSES_NONE,
	DISK_LOSES_WRITES, /* some */
	DISK_LOSES_SECTORS, /* some */
	N_DISK_LOSSES
} DiskLoss;

typedef struct DiskLog DiskLog;

/* Takes the place of SQLite's own, with nothing on it. */
void disk_insert(void);
/* Gives that back, and forgets everything. */
void disk_remove(void);

/* How much has reached it. */
size_t disk_length(void);
/* Is the n-th of that a sync? */
int disk_is_sync(const DiskLog *log, size_t n);
/* Takes all of that out; the disk is empty then. */
DiskLog *disk_take(void);
DiskLog *disk_log_free(DiskLog *log);
/* The disk as it is found when the power went after the n first of the log. */
void disk_restore(const DiskLog *log, size_t n, DiskLoss loss, uint32_t seed);
/* Writes down what is on it then, as synced, so that it can be restored in its turn. */
void disk_keep(void);

/* After so many writes and syncs from here: one, or all, fail with that result of SQLite's. */
void disk_fail_once(size_t after, int code);
void disk_fail_from(size_t after, int code);
/* Did it come to that? */
int disk_failed(void);
void disk_mend(void);
