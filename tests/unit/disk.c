/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "tests/unit/disk.h"

#define NAMES_MAX 8
#define NODES_MAX 256
#define REGIONS_MAX 64
#define SECTOR 512u
/* As SQLite takes it for the system's files. */
#define SECTOR_TOLD 4096

/* The file that has no name, as a number. */
#define NO_NODE (-1)

typedef enum Kind { WRITE, TRUNCATE, SYNC, LINK, UNLINK, SYNC_FOLDER } Kind;

typedef struct Entry {
	Kind kind;
	int node, name;
	size_t offset, size;
	unsigned char *data; /* of a write */
} Entry;

struct DiskLog {
	Entry *entries;
	size_t n, room;
	int nodes;
};

/* A file, whatever its name. */
typedef struct Node {
	unsigned char *data;
	size_t size, room;
	bool folder_synced;
} Node;

typedef struct File {
	sqlite3_file base;
	int node;
	bool journal; /* its first sync is its folder's, too */
} File;

static struct {
	sqlite3_vfs vfs, *stock;
	char names[NAMES_MAX][256];
	int nodes_of[NAMES_MAX]; /* by name; NO_NODE: there is none */
	Node nodes[NODES_MAX];
	DiskLog log;
	void *regions[REGIONS_MAX]; /* of shared memory: one database is open */
	size_t until_failure;
	int failure;
	bool failing, failed, once;
} disk;

/* An optimised build has no assert(). */
static void check(bool good)
{
	if (!good)
		abort();
}

static void *must(void *p)
{
	check(p);
	return p;
}

static void note(Entry e)
{
	DiskLog *l = &disk.log;

	if (l->n == l->room) {
		l->room = l->room ? 2 * l->room : 1024;
		l->entries = must(realloc(l->entries, l->room * sizeof(*l->entries)));
	}
	l->entries[l->n++] = e;
}

static int name_of(const char *path)
{
	int i = 0;

	while (i < NAMES_MAX && disk.names[i][0] && strcmp(disk.names[i], path) != 0)
		i++;
	check(i < NAMES_MAX && strlen(path) < sizeof(disk.names[0]));
	strcpy(disk.names[i], path);
	return i;
}

static void put(Node *n, size_t offset, const unsigned char *data, size_t size)
{
	if (offset + size > n->room) {
		n->room = 2 * (offset + size);
		n->data = must(realloc(n->data, n->room));
	}
	if (offset > n->size)
		memset(n->data + n->size, 0, offset - n->size);
	memcpy(n->data + offset, data, size);
	if (offset + size > n->size)
		n->size = offset + size;
}

/* 0, or how it fails now. */
static int meet(void)
{
	if (!disk.failing || disk.until_failure-- > 0)
		return SQLITE_OK;
	disk.until_failure = 0;
	disk.failing = !disk.once;
	disk.failed = true;
	return disk.failure;
}

static int file_close(sqlite3_file *f)
{
	return SQLITE_OK;
}

static int file_read(sqlite3_file *f, void *to, int amount, sqlite3_int64 offset)
{
	Node *n = &disk.nodes[((File *)f)->node];
	size_t have = (size_t)offset < n->size ? n->size - (size_t)offset : 0;

	if (have >= (size_t)amount) {
		memcpy(to, n->data + offset, (size_t)amount);
		return SQLITE_OK;
	}
	if (have)
		memcpy(to, n->data + offset, have);
	memset((char *)to + have, 0, (size_t)amount - have);
	return SQLITE_IOERR_SHORT_READ;
}

/* One that fails may have got to the half of it. */
static int file_write(sqlite3_file *f, const void *from, int amount, sqlite3_int64 offset)
{
	int node = ((File *)f)->node, r = meet();
	size_t size = (size_t)amount / (r == SQLITE_OK ? 1 : 2);
	Entry e = { .kind = WRITE, .node = node, .offset = (size_t)offset, .size = size };

	e.data = must(malloc(size + 1));
	memcpy(e.data, from, size);
	put(&disk.nodes[node], e.offset, e.data, size);
	note(e);
	return r;
}

static void cut(Node *n, size_t size)
{
	if (size < n->size)
		n->size = size;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	int node = ((File *)f)->node, r = meet();

	if (r != SQLITE_OK)
		return r;
	cut(&disk.nodes[node], (size_t)size);
	note((Entry){ .kind = TRUNCATE, .node = node, .size = (size_t)size });
	return SQLITE_OK;
}

static int file_sync(sqlite3_file *f, int flags)
{
	File *file = (File *)f;
	int r = meet();

	if (r != SQLITE_OK)
		return r == SQLITE_FULL ? SQLITE_IOERR_FSYNC : r;
	note((Entry){ .kind = SYNC, .node = file->node });
	if (file->journal && !disk.nodes[file->node].folder_synced) {
		note((Entry){ .kind = SYNC_FOLDER });
		disk.nodes[file->node].folder_synced = true;
	}
	return SQLITE_OK;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	*ret = (sqlite3_int64)disk.nodes[((File *)f)->node].size;
	return SQLITE_OK;
}

static int file_lock(sqlite3_file *f, int level)
{
	return SQLITE_OK;
}

static int file_reserved(sqlite3_file *f, int *ret)
{
	*ret = 0;
	return SQLITE_OK;
}

static int file_control(sqlite3_file *f, int op, void *arg)
{
	return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *f)
{
	return SECTOR_TOLD;
}

static int file_characteristics(sqlite3_file *f)
{
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int shm_map(sqlite3_file *f, int region, int size, int extend, void volatile **ret)
{
	check(region < REGIONS_MAX);
	if (!disk.regions[region] && extend)
		disk.regions[region] = must(calloc(1, (size_t)size));
	*ret = disk.regions[region];
	return SQLITE_OK;
}

static int shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	return SQLITE_OK;
}

static void shm_barrier(sqlite3_file *f)
{
}

static int shm_unmap(sqlite3_file *f, int remove)
{
	for (size_t i = 0; remove && i < REGIONS_MAX; i++) {
		free(disk.regions[i]);
		disk.regions[i] = NULL;
	}
	return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_lock,
	.xCheckReservedLock = file_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_characteristics,
	.xShmMap = shm_map,
	.xShmLock = shm_lock,
	.xShmBarrier = shm_barrier,
	.xShmUnmap = shm_unmap,
};

static int make_node(void)
{
	check(disk.log.nodes < NODES_MAX);
	return disk.log.nodes++;
}

static int disk_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *f, int flags, int *ret_flags)
{
	File *file = (File *)f;
	int name = path ? name_of(path) : 0, r;

	*file = (File){};
	if (path && disk.nodes_of[name] == NO_NODE) {
		r = flags & SQLITE_OPEN_CREATE ? meet() : SQLITE_CANTOPEN;
		if (r != SQLITE_OK)
			return r;
		disk.nodes_of[name] = make_node();
		note((Entry){ .kind = LINK, .node = disk.nodes_of[name], .name = name });
	}
	/* Temporary files have no name. */
	file->node = path ? disk.nodes_of[name] : make_node();
	file->journal = flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL);
	file->base.pMethods = &methods;
	if (ret_flags)
		*ret_flags = flags;
	return SQLITE_OK;
}

static int disk_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
	int name = name_of(path), r = meet();

	if (r != SQLITE_OK)
		return r;
	if (disk.nodes_of[name] == NO_NODE)
		return SQLITE_IOERR_DELETE_NOENT;
	disk.nodes_of[name] = NO_NODE;
	note((Entry){ .kind = UNLINK, .name = name });
	if (sync)
		note((Entry){ .kind = SYNC_FOLDER });
	return SQLITE_OK;
}

static int disk_access(sqlite3_vfs *vfs, const char *path, int flags, int *ret)
{
	*ret = disk.nodes_of[name_of(path)] != NO_NODE;
	return SQLITE_OK;
}

static int disk_full_path(sqlite3_vfs *vfs, const char *path, int size, char *ret)
{
	strncpy(ret, path, (size_t)size - 1);
	ret[size - 1] = 0;
	return SQLITE_OK;
}

static int disk_sleep(sqlite3_vfs *vfs, int microseconds)
{
	return microseconds;
}

/* Memory stays with its node: a restored disk needs as much again. */
static void wipe(void)
{
	for (size_t i = 0; i < NODES_MAX; i++) {
		disk.nodes[i].size = 0;
		disk.nodes[i].folder_synced = false;
	}
	for (size_t i = 0; i < NAMES_MAX; i++)
		disk.nodes_of[i] = NO_NODE;
	(void)shm_unmap(NULL, true);
}

static void log_done(DiskLog *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->entries[i].data);
	free(l->entries);
	*l = (DiskLog){};
}

void disk_insert(void)
{
	disk.stock = sqlite3_vfs_find(NULL);
	disk.vfs = *disk.stock;
	disk.vfs.pNext = NULL;
	disk.vfs.zName = "disk";
	disk.vfs.szOsFile = sizeof(File);
	disk.vfs.xOpen = disk_open;
	disk.vfs.xDelete = disk_delete;
	disk.vfs.xAccess = disk_access;
	disk.vfs.xFullPathname = disk_full_path;
	disk.vfs.xSleep = disk_sleep;
	check(sqlite3_vfs_register(&disk.vfs, 1) == SQLITE_OK);
	wipe();
	disk_mend();
}

void disk_remove(void)
{
	wipe();
	for (size_t i = 0; i < NODES_MAX; i++)
		free(disk.nodes[i].data);
	memset(disk.nodes, 0, sizeof(disk.nodes));
	log_done(&disk.log);
	(void)sqlite3_vfs_unregister(&disk.vfs);
	(void)sqlite3_vfs_register(disk.stock, 1);
}

size_t disk_length(void)
{
	return disk.log.n;
}

int disk_is_sync(const DiskLog *log, size_t n)
{
	return log->entries[n].kind == SYNC;
}

DiskLog *disk_take(void)
{
	DiskLog *taken = must(malloc(sizeof(*taken)));

	*taken = disk.log;
	disk.log = (DiskLog){};
	wipe();
	return taken;
}

DiskLog *disk_log_free(DiskLog *log)
{
	log_done(log);
	free(log);
	return NULL;
}

/* Some number that stays the same. */
static uint32_t mix(uint32_t seed, size_t a, size_t b)
{
	uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + a * UINT64_C(0xbf58476d1ce4e5b9) +
		     b * UINT64_C(0x94d049bb133111eb);

	x ^= x >> 31;
	x *= UINT64_C(0xd6e8feb86659fd93);
	return (uint32_t)(x >> 32);
}

/* One way of losing power. */
typedef struct Outage {
	size_t n; /* what reached the disk */
	DiskLoss loss;
	uint32_t seed;
	size_t synced[NODES_MAX]; /* what came before it is safe */
	size_t folder_synced;
} Outage;

static void find_syncs(const DiskLog *log, Outage *o)
{
	for (size_t i = 0; i < o->n; i++) {
		if (log->entries[i].kind == SYNC)
			o->synced[log->entries[i].node] = i;
		else if (log->entries[i].kind == SYNC_FOLDER)
			o->folder_synced = i;
	}
}

/* Nothing of one came after something else of another that is lost, or it did, by the seed. */
static bool survives(const Outage *o, size_t i, size_t safe, size_t what)
{
	if (i < safe || o->loss == DISK_LOSES_NONE)
		return true;
	if (o->loss == DISK_LOSES_ALL)
		return false;
	return i - safe < mix(o->seed, what, safe) % (o->n - safe + 1);
}

static bool write_survives(const Outage *o, size_t i, const Entry *e, size_t sector)
{
	size_t safe = o->synced[e->node];

	if (o->loss == DISK_LOSES_WRITES && i >= safe)
		return mix(o->seed, i, 0) & 1;
	return survives(o, i, safe, (size_t)e->node << 32 | sector);
}

static void replay_write(const Outage *o, size_t i, const Entry *e)
{
	size_t at = e->offset, end = e->offset + e->size;

	while (at < end) {
		size_t next = (at / SECTOR + 1) * SECTOR;

		if (i < o->synced[e->node] || next > end)
			next = end;
		if (write_survives(o, i, e, at / SECTOR))
			put(&disk.nodes[e->node], at, e->data + (at - e->offset), next - at);
		at = next;
	}
}

static void replay(const Outage *o, size_t i, const Entry *e)
{
	switch (e->kind) {
	case WRITE:
		replay_write(o, i, e);
		break;
	case TRUNCATE:
		if (survives(o, i, o->synced[e->node], (size_t)e->node << 32 | UINT32_MAX))
			cut(&disk.nodes[e->node], e->size);
		break;
	case LINK:
	case UNLINK:
		if (survives(o, i, o->folder_synced, SIZE_MAX))
			disk.nodes_of[e->name] = e->kind == LINK ? e->node : NO_NODE;
		break;
	default:
		break;
	}
}

void disk_keep(void)
{
	for (int name = 0; name < NAMES_MAX; name++) {
		int node = disk.nodes_of[name];
		Node *n = &disk.nodes[node == NO_NODE ? 0 : node];
		Entry e = { .kind = WRITE, .node = node, .name = name, .size = n->size };

		if (node == NO_NODE)
			continue;
		e.data = must(malloc(n->size + 1));
		if (n->size)
			memcpy(e.data, n->data, n->size);
		note((Entry){ .kind = LINK, .node = node, .name = name });
		note(e);
		note((Entry){ .kind = SYNC, .node = node });
	}
	note((Entry){ .kind = SYNC_FOLDER });
}

void disk_restore(const DiskLog *log, size_t n, DiskLoss loss, uint32_t seed)
{
	Outage o = { .n = n, .loss = loss, .seed = seed };

	wipe();
	log_done(&disk.log);
	find_syncs(log, &o);
	for (size_t i = 0; i < n; i++)
		replay(&o, i, &log->entries[i]);
	disk.log.nodes = log->nodes;
	disk_mend();
}

static void fail_after(size_t after, int code, bool once)
{
	disk.until_failure = after;
	disk.failure = code;
	disk.failing = true;
	disk.failed = false;
	disk.once = once;
}

void disk_fail_once(size_t after, int code)
{
	fail_after(after, code, true);
}

void disk_fail_from(size_t after, int code)
{
	fail_after(after, code, false);
}

int disk_failed(void)
{
	return disk.failed;
}

void disk_mend(void)
{
	disk.failing = disk.failed = false;
}
