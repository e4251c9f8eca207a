/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The database on a disk that loses its power, at any time and in several ways, or fails: what was
 * acknowledged is there afterwards, and of what was under way all or nothing.
 */
#include <sqlite3.h>

#include "db/db.h"
#include "db/migrations.h"
#include "tests/unit/disk.h"
#include "tests/unit/scratch.h"

#define PATH "/disk/vkernel.db"
#define ROUNDS 30
#define KINDS 12
#define ACTS (ROUNDS * KINDS)
#define PROFILE_MAX (48u << 10)
/* How many times the power goes in one test, spread over all that reaches the disk. */
#define OUTAGES 500

/* What the daemon does in its life, so that each act succeeds. */
typedef struct Life {
	Db *db;
	char boot[16];
	char profile[PROFILE_MAX + 1];
} Life;

static int life_open(Life *l)
{
	_cleanup_free_ char *error = NULL;

	return db_open(PATH, &l->db, &error);
}

static void name_it(char ret[16], const char *what, unsigned int n)
{
	snprintf(ret, 16, "%s-%u", what, n);
}

static int put_policy(Life *l, unsigned int round)
{
	char name[16], image[16], digest[16], other[16];
	const char *const images[] = { image, other, NULL };
	DbPolicy p = { .name = name,
		       .digest = digest,
		       .profile = l->profile + PROFILE_MAX - round * 7919 % PROFILE_MAX,
		       .apparmor = round % 2 ? l->profile + PROFILE_MAX - 5000 : NULL,
		       .added = round };

	name_it(name, "policy", round % 5);
	name_it(digest, "digest", round);
	name_it(image, "image", round);
	name_it(other, "shared", round % 2);
	return db_policy_put(l->db, &p, images);
}

static int compile_policy(Life *l, unsigned int round)
{
	char name[16];
	const DbBlob confinement = { l->profile, 300 * (round % 9 + 1) };

	name_it(name, "policy", round % 5);
	return db_policy_compiled(l->db, name, "compiled", &confinement, "1:x");
}

static int remove_policy(Life *l, unsigned int round)
{
	char name[16];

	name_it(name, "policy", round % 5);
	return round % 9 == 8 ? db_policy_remove(l->db, name) : 0;
}

static int put_instance(Life *l, unsigned int round)
{
	char name[16];
	DbInstance i = { .instance = round, .container = name, .digest = (char *)"d", .bound = 1 };
	const DbOrigin origin = { .capabilities = (char *)"[]",
				  .own = { l->profile, round * 997 % 9000 + 1 } };

	name_it(name, "container", round);
	return db_instance_put(l->db, l->boot, &i, &origin);
}

static int end_instance(Life *l, unsigned int round)
{
	return round % 3 == 2 ? db_instance_end(l->db, l->boot, round, round) : 0;
}

/* Once, what a start does: then the log grows until SQLite empties it by itself. */
static int restart(Life *l, unsigned int round)
{
	int r;

	if (round != 2)
		return 0;
	l->db = db_free(l->db);
	r = life_open(l);
	return r < 0 ? r : db_builds_interrupted(l->db);
}

static int reboot(Life *l, unsigned int round)
{
	if (round % 11 != 10)
		return 0;
	name_it(l->boot, "boot", round);
	return db_instances_other_boots(l->db, l->boot, (int64_t)round << 50);
}

static int act(Life *l, unsigned int n)
{
	unsigned int round = n / KINDS;
	char key[16];

	name_it(key, "key", round);
	switch (n % KINDS) {
	case 0:
		return put_policy(l, round);
	case 1:
		return compile_policy(l, round);
	case 2:
		return db_build_start(l->db, key, "d", "6.12", round);
	case 3:
		return round % 2 ? db_build_ok(l->db, key, 1, 2, "content") : 0;
	case 4:
		return round % 4 ? 0 : db_build_failed(l->db, key, 1, "output");
	case 5:
		return put_instance(l, round);
	case 6:
		return db_instance_policy(l->db, l->boot, round, "policy", "d");
	case 7:
		return db_build_used(l->db, key, round);
	case 8:
		return end_instance(l, round);
	case 9:
		return remove_policy(l, round);
	case 10:
		return reboot(l, round);
	default:
		return restart(l, round);
	}
}

static void life_begin(Life *l)
{
	*l = (Life){ .boot = "boot" };
	for (size_t i = 0; i < PROFILE_MAX; i++)
		l->profile[i] = (char)('a' + i * i % 23);
}

/* All facts, as text: what is long, by a sum. */
static unsigned int sum(const void *data, size_t size)
{
	const char *bytes = data;
	uint64_t s = size, word;

	for (; size >= sizeof(word); size -= sizeof(word), bytes += sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		s = (s ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		s ^= s >> 29;
	}
	for (; size > 0; size--)
		s = s * 31 + (unsigned char)*bytes++;
	return (unsigned int)(s ^ s >> 32);
}

static void tell(FILE *f, const char *s)
{
	if (s && strlen(s) > 40)
		fprintf(f, " %zu:%x", strlen(s), sum(s, strlen(s)));
	else
		fprintf(f, " %s", s ? s : "-");
}

typedef struct Telling {
	Db *db;
	FILE *file;
	const char *boot;
} Telling;

static int tell_image(const char *image, void *userdata)
{
	tell(((Telling *)userdata)->file, image);
	return 0;
}

static int tell_policy(const DbPolicy *brief, bool built, void *userdata)
{
	_cleanup_db_policy_ DbPolicy kept = {};
	const DbPolicy *p = &kept;
	Telling *t = userdata;

	assert_int_equal(db_policy_get(t->db, brief->name, &kept), 0);
	fprintf(t->file, "policy %ld %zu:%x", (long)p->added, p->confinement.size,
		sum(p->confinement.data, p->confinement.size));
	tell(t->file, p->name);
	tell(t->file, p->digest);
	tell(t->file, p->profile);
	tell(t->file, p->apparmor);
	tell(t->file, p->compiled);
	assert_int_equal(db_images(t->db, p->name, tell_image, t), 0);
	fputc('\n', t->file);
	return 0;
}

static int tell_build(const DbBuild *b, void *userdata)
{
	FILE *f = ((Telling *)userdata)->file;

	fprintf(f, "build %ld %ld %ld", (long)b->started, (long)b->size, (long)b->last_use);
	tell(f, b->key);
	tell(f, b->outcome);
	tell(f, b->output);
	tell(f, b->content);
	fputc('\n', f);
	return 0;
}

static int tell_instance(const DbInstance *i, void *userdata)
{
	_cleanup_db_origin_ DbOrigin o = {};
	Telling *t = userdata;

	fprintf(t->file, "instance %ld", (long)i->instance);
	tell(t->file, i->container);
	tell(t->file, i->policy);
	tell(t->file, i->digest);
	assert_int_equal(db_instance_origin(t->db, t->boot, i->instance, &o), 0);
	fprintf(t->file, " %zu:%x\n", o.own.size, sum(o.own.data, o.own.size));
	return 0;
}

static char *facts(Db *db)
{
	Telling t = { .db = db };
	char *text = NULL, boot[16] = "boot";
	size_t size;

	t.file = open_memstream(&text, &size);
	assert_non_null(t.file);
	assert_int_equal(db_policies(db, "6.12", tell_policy, &t), 0);
	assert_int_equal(db_builds(db, tell_build, &t), 0);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		t.boot = boot;
		assert_int_equal(db_instances(db, boot, tell_instance, &t), 0);
		name_it(boot, "boot", round);
	}
	assert_int_equal(fclose(t.file), 0);
	return text;
}

/* A whole life: what reached the disk, and what was known when each act had been acknowledged. */
typedef struct Record {
	DiskLog *log;
	size_t length, acknowledged[ACTS + 1];
	char *facts[ACTS + 1];
} Record;

static void record_life(Record *r)
{
	Life l;

	life_begin(&l);
	assert_int_equal(life_open(&l), 0);
	for (unsigned int n = 0; n <= ACTS; n++) {
		if (n > 0)
			assert_true(act(&l, n - 1) >= 0);
		r->acknowledged[n] = disk_length();
		r->facts[n] = facts(l.db);
	}
	l.db = db_free(l.db);
	r->length = disk_length();
	r->log = disk_take();
}

static void record_done(Record *r)
{
	for (size_t n = 0; n <= ACTS; n++)
		free(r->facts[n]);
	disk_log_free(r->log);
}

static Db *reopen(void)
{
	_cleanup_free_ char *error = NULL;
	Db *db;
	int r = db_open(PATH, &db, &error);

	if (r < 0)
		print_error("%s\n", error);
	assert_int_equal(r, 0);
	return db;
}

/* Nothing more gets to the disk. */
static void abandon(Db *db)
{
	disk_fail_from(0, SQLITE_IOERR);
	db_free(db);
	disk_mend();
}

static bool knows(Db *db, const Record *r, size_t acts)
{
	_cleanup_free_ char *found = facts(db);

	return strcmp(found, r->facts[acts]) == 0;
}

/* What is acknowledged after one loss outlives the next. */
static void lose_again(Db *db, uint32_t seed)
{
	_cleanup_free_ char *before = NULL, *after = NULL;
	size_t length;
	DiskLog *log;

	assert_int_equal(db_build_start(db, "again", "d", "6.12", 1), 0);
	before = facts(db);
	abandon(db);
	length = disk_length();
	log = disk_take();
	disk_restore(log, length, DISK_LOSES_SECTORS, seed);
	disk_log_free(log);
	db = reopen();
	after = facts(db);
	assert_string_equal(before, after);
	abandon(db);
}

static void lose(const Record *r, size_t n, DiskLoss loss, uint32_t seed)
{
	size_t acts = 0;
	bool opened = r->acknowledged[0] <= n, again = seed % 8 == 0;
	Db *db;

	while (acts < ACTS && r->acknowledged[acts + 1] <= n)
		acts++;
	disk_restore(r->log, n, loss, seed);
	if (again)
		disk_keep();
	db = reopen();
	if (!knows(db, r, acts) && !(opened && acts < ACTS && knows(db, r, acts + 1))) {
		_cleanup_free_ char *found = facts(db);

		print_error(
			"power lost after %zu, in way %d, with %zu acts done:\n%s\ninstead of\n%s",
			n, loss, acts, found, r->facts[acts]);
		assert_true(false);
	}
	if (again)
		lose_again(db, seed);
	else
		abandon(db);
}

/* Each sync is where most can go wrong, just before it and after. */
static void power_loss_takes_nothing_acknowledged(void **state)
{
	static Record r;
	size_t step, outages = 0;

	record_life(&r);
	step = r.length / OUTAGES;
	assert_true(step > 0);
	for (size_t n = 0; n < r.length; n++) {
		bool sync = disk_is_sync(r.log, n);

		if (!sync && n % step != 0)
			continue;
		lose(&r, n, sync ? DISK_LOSES_ALL : (DiskLoss)(n / step % N_DISK_LOSSES),
		     (uint32_t)n);
		outages++;
		if (sync)
			lose(&r, n + 1, (DiskLoss)(outages % N_DISK_LOSSES), (uint32_t)n);
	}
	print_message("%zu places of %zu\n", outages, r.length);
	assert_true(outages >= OUTAGES);
	record_done(&r);
}

/* Just when an act is acknowledged: whatever is not synced by then is gone. */
static void an_acknowledged_act_is_on_the_disk(void **state)
{
	static Record r;

	record_life(&r);
	for (size_t acts = 0; acts <= ACTS; acts++) {
		Db *db;

		disk_restore(r.log, r.acknowledged[acts], DISK_LOSES_ALL, 0);
		db = reopen();
		assert_true(knows(db, &r, acts));
		abandon(db);
	}
	record_done(&r);
}

/* What each version kept is kept by the next. */
static void fill_first_version(void)
{
	static const char rows[] =
		"INSERT INTO policies (name, digest, profile, added) VALUES ('web', 'd', 't', 1);"
		"INSERT INTO images (pattern, policy) SELECT 'img', id FROM policies;"
		"INSERT INTO builds (key, digest, kernel, outcome, started, last_use) "
		"VALUES ('k', 'd', '6.12', 'building', 1, 1);"
		"INSERT INTO instances (boot, instance, container, digest, bound) "
		"VALUES ('boot', 7, 'old', 'd', 5)";
	sqlite3 *handle;

	assert_int_equal(sqlite3_open(PATH, &handle), SQLITE_OK);
	assert_int_equal(sqlite3_exec(handle, rows, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

static void assert_filled(Db *db)
{
	_cleanup_db_policy_ DbPolicy p = {};
	_cleanup_db_build_ DbBuild b = {};
	_cleanup_db_instance_ DbInstance i = {};
	_cleanup_free_ char *policy = NULL;

	assert_int_equal(db_version(db), db_n_migrations);
	assert_int_equal(db_policy_get(db, "web", &p), 0);
	assert_int_equal(db_image_policy(db, "img", &policy), 0);
	assert_int_equal(db_build_get(db, "k", &b), 0);
	assert_int_equal(db_instance_get(db, "boot", 7, &i), 0);
}

static void make_version(size_t version)
{
	_cleanup_free_ char *error = NULL;
	Db *db;

	assert_int_equal(db_open_steps(PATH, db_migrations, version, &db, &error), 0);
	db_free(db);
	fill_first_version();
}

static void power_loss_during_a_migration(void **state)
{
	for (size_t version = 1; version < db_n_migrations; version++) {
		size_t began, end;
		DiskLog *log;

		make_version(version);
		began = disk_length();
		db_free(reopen());
		end = disk_length();
		log = disk_take();
		assert_true(end > began);
		for (size_t n = began; n <= end; n++)
			for (DiskLoss loss = 0; loss < N_DISK_LOSSES; loss++) {
				Db *db;

				disk_restore(log, n, loss, (uint32_t)n);
				db = reopen();
				assert_filled(db);
				abandon(db);
			}
		disk_log_free(log);
		disk_remove();
		disk_insert();
	}
}

/* An act that fails may have happened or not, as a whole; it can be done again, or another. */
static void fail_one_act(Life *l, unsigned int n, int code, bool stays)
{
	_cleanup_free_ char *before = facts(l->db), *after = NULL, *later = NULL;
	size_t after_which = 0;
	int r;

	do {
		(stays ? disk_fail_from : disk_fail_once)(after_which++, code);
		r = act(l, n);
		if (r < 0 && disk_failed()) {
			assert_true(r == -ENOSPC || r == -EIO);
			disk_mend();
			later = facts(l->db);
			assert_string_equal(before, later);
			free(TAKE_PTR(later));
		}
	} while (r < 0);
	/* It may fail where that does not matter: in what follows the commit. */
	disk_mend();
	after = facts(l->db);
	abandon(l->db);
	l->db = reopen();
	later = facts(l->db);
	assert_string_equal(after, later);
}

/* Those of a few rounds have all kinds among them; that a start fails is another test. */
static bool is_to_fail(unsigned int n)
{
	unsigned int round = n / KINDS;

	return n % KINDS != KINDS - 1 && (round < 3 || round == 8 || round == 10);
}

static void live_on_failing(int code, bool stays)
{
	Life l;

	life_begin(&l);
	assert_int_equal(life_open(&l), 0);
	for (unsigned int n = 0; n < 11 * KINDS; n++)
		if (is_to_fail(n))
			fail_one_act(&l, n, code, stays);
		else
			assert_true(act(&l, n) >= 0);
	db_free(l.db);
}

static void a_disk_that_is_full(void **state)
{
	live_on_failing(SQLITE_FULL, false);
}

static void a_disk_that_stays_full(void **state)
{
	live_on_failing(SQLITE_FULL, true);
}

static void a_disk_that_fails(void **state)
{
	live_on_failing(SQLITE_IOERR_WRITE, false);
}

static void refuse_to_open(int code, int error, const char *words)
{
	size_t after = 0;
	Db *db = NULL;
	int r;

	do {
		_cleanup_free_ char *said = NULL;

		disk_fail_from(after++, code);
		r = db_open(PATH, &db, &said);
		if (r < 0) {
			assert_true(r == error || r == -EIO);
			assert_non_null(strstr(said, PATH ": "));
			assert_non_null(strstr(said, r == error ? words : "disk fails"));
		}
	} while (r < 0);
	assert_true(after > 10);
	disk_mend();
	db_free(db);
	db_free(reopen());
}

static void one_that_is_full_from_the_start(void **state)
{
	refuse_to_open(SQLITE_FULL, -ENOSPC, "free some space");
}

static void one_that_fails_from_the_start(void **state)
{
	refuse_to_open(SQLITE_IOERR_WRITE, -EIO, "dmesg");
}

static int setup(void **state)
{
	disk_insert();
	return 0;
}

static int teardown(void **state)
{
	disk_remove();
	return 0;
}

#define disk_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		disk_test(power_loss_takes_nothing_acknowledged),
		disk_test(an_acknowledged_act_is_on_the_disk),
		disk_test(power_loss_during_a_migration),
		disk_test(a_disk_that_is_full),
		disk_test(a_disk_that_stays_full),
		disk_test(a_disk_that_fails),
		disk_test(one_that_is_full_from_the_start),
		disk_test(one_that_fails_from_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
