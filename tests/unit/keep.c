/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What goes out of the cache, in which order, and what stays; settings that are reloaded. */
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/fake_core.h"
#include "tests/unit/scratch.h"
#include "vkerneld/build/cache.h"
#include "vkerneld/build/template.h"
#include "vkerneld/keep.h"
#include "vkerneld/settings.h"

#define OTHER "9.9.9-other"
#define GONE "1.1.1-gone"
#define SIZE 1000

static sd_event *event;
static Manager *manager;
static Conf conf;
static ManagerOptions options;
static char paths[4][128];

static void start(void)
{
	assert_int_equal(manager_new(event, &options, &conf, &manager), 0);
}

static void restart(void)
{
	manager_free(manager);
	start();
}

static int setup(void **state)
{
	static const char *const names[] = { "socket", "", "cache", "modules" };

	assert_int_equal(scratch_setup(state), 0);
	fake_reset();
	for (size_t i = 0; i < ELEMENTSOF(names); i++)
		snprintf(paths[i], sizeof(paths[i]), "%s/%s", scratch, names[i]);
	scratch_folder("modules");
	scratch_folder("modules/" OTHER);
	assert_int_equal(cache_prepare(paths[2]), 0);
	options = (ManagerOptions){ .socket = paths[0],
				    .state = paths[1],
				    .cache = paths[2],
				    .sources = paths[1],
				    .modules = paths[3],
				    .apparmor = paths[1] };
	conf = (Conf){ .build_user = (char *)"nobody", .profile_user = (char *)"daemon", .cache_max = UINT64_MAX };
	assert_int_equal(sd_event_new(&event), 0);
	start();
	return 0;
}

static int teardown(void **state)
{
	manager = manager_free(manager);
	event = sd_event_unref(event);
	return scratch_teardown(state);
}

/* The n-th of what is made here: all digits of its key and digest are n. */
static void name_it(unsigned int n, char ret[HASH_HEX_SIZE])
{
	memset(ret, "0123456789abcdef"[n], HASH_HEX_SIZE - 1);
	ret[HASH_HEX_SIZE - 1] = 0;
}

/* digest: NULL for that of a policy. */
static void make_as(unsigned int n, const char *digest, const char *kernel, int64_t used)
{
	char key[HASH_HEX_SIZE], path[512], text[64], content[HASH_HEX_SIZE];
	_cleanup_free_ char *entry = NULL;
	char module[MODULE_NAME_SIZE] = CORE_MODULE;

	name_it(n, key);
	if (!digest)
		snprintf(module, sizeof(module), VK_MODULE_PREFIX "%.12s", key);
	else if (strcmp(digest, "core") != 0)
		snprintf(module, sizeof(module), TEMPLATE_MODULE);
	snprintf(text, sizeof(text), "module %u", n);
	assert_int_equal(cache_make_temporary(paths[2], &entry), 0);
	snprintf(path, sizeof(path), "%s/%s.ko", entry + strlen(scratch) + 1, module);
	scratch_write(path, text);
	assert_int_equal(cache_content(entry, module, content), 0);
	assert_int_equal(cache_commit(paths[2], key, entry), 0);
	assert_int_equal(db_build_start(manager->db, key, digest ? digest : key, kernel, used), 0);
	assert_int_equal(db_build_ok(manager->db, key, 1, SIZE, content), 0);
}

static void make(unsigned int n, int64_t used)
{
	make_as(n, NULL, manager->host.release, used);
}

static bool there(unsigned int n)
{
	_cleanup_db_build_ DbBuild b = {};
	char key[HASH_HEX_SIZE], path[512];
	bool known;

	name_it(n, key);
	snprintf(path, sizeof(path), "cache/%.2s/%s", key, key);
	known = db_build_get(manager->db, key, &b) >= 0;
	assert_int_equal(access(scratch_path(path), F_OK) == 0, known);
	return known;
}

static void load(unsigned int n)
{
	KernelPolicy *p = &fake.policies[fake.n_policies++];

	fake.loaded = true;
	*p = (KernelPolicy){};
	memset(p->digest, (int)(n << 4 | n), sizeof(p->digest));
}

typedef struct Removed {
	char what[256];
} Removed;

static int note(const KeepEntry *e, const char *reason, void *userdata)
{
	Removed *r = userdata;
	size_t n = strlen(r->what);

	snprintf(r->what + n, sizeof(r->what) - n, "%c:%s ", e->key[0], reason);
	return 0;
}

static void assert_collected(const char *wanted)
{
	_cleanup_failure_ Failure f = {};
	Removed removed = {};

	assert_int_equal(keep_collect(manager, note, &removed, &f), 0);
	assert_string_equal(removed.what, wanted);
}

static void the_longest_unused_goes_first(void **state)
{
	make(1, 30);
	make(2, 10);
	make(3, 40);
	make(4, 20);
	conf.cache_max = 2 * SIZE;
	assert_collected("2:over_limit 4:over_limit ");
	assert_true(there(1) && there(3));
	assert_collected("");
}

static void within_the_limit_nothing_goes(void **state)
{
	make(1, 10);
	make(2, 20);
	conf.cache_max = 2 * SIZE;
	assert_collected("");
	conf.cache_max--;
	assert_collected("1:over_limit ");
}

static void what_is_used_stays(void **state)
{
	make(1, 1);
	make_as(2, "core", manager->host.release, 2);
	make_as(3, "template", manager->host.release, 3);
	make_as(4, "template", manager->host.release, 4);
	make(5, 5);
	make(6, 6);
	make(7, 7);
	load(1);
	name_it(3, fake.keys.template);
	name_it(5, fake.works_on);
	conf.cache_max = 0;
	/* 2 is loaded, 4 is an old template, 7 was used last. */
	assert_collected("4:over_limit 6:over_limit ");
	assert_true(there(1) && there(2) && there(3) && there(5) && there(7));
}

/* Of what could go, that is; the template is used with each of them. */
static void what_was_used_last_stays(void **state)
{
	make(1, 1);
	make(2, 2);
	make_as(3, "template", manager->host.release, 3);
	name_it(3, fake.keys.template);
	conf.cache_max = 0;
	assert_collected("1:over_limit ");
	load(2);
	assert_collected("");
	assert_true(there(2) && there(3));
}

/* Where another core is installed, that is loaded, and what was built is as good as any. */
static void a_core_that_is_not_loaded_goes(void **state)
{
	make_as(1, "core", manager->host.release, 1);
	make_as(2, "core", manager->host.release, 2);
	make(3, 3);
	fake.loaded = true;
	fake.installed = true;
	name_it(2, fake.keys.core);
	conf.cache_max = 0;
	assert_collected("1:over_limit ");
	assert_true(there(2) && there(3));
}

/* Of this kernel, that is. */
static void what_is_loaded_here_is_not_for_another_kernel(void **state)
{
	make_as(1, NULL, OTHER, 1);
	make(2, 2);
	load(1);
	conf.cache_max = 0;
	assert_collected("1:over_limit ");
}

static void what_kernels_that_are_gone_had_goes(void **state)
{
	make_as(1, NULL, GONE, 1);
	make_as(2, NULL, OTHER, 2);
	make_as(3, "core", GONE, 3);
	make(4, 4);
	assert_collected("1:kernel_gone 3:kernel_gone ");
	assert_true(there(2) && there(4) && !there(1) && !there(3));
	assert_int_equal(rmdir(scratch_path("modules/" OTHER)), 0);
	restart();
	assert_true(!there(2) && there(4));
}

/* Also those of a kernel that does not run now, until it is gone. */
static void what_was_imported_stays(void **state)
{
	static const char *const kernels[] = { NULL, OTHER, GONE, NULL };

	for (unsigned int n = 0; n < ELEMENTSOF(kernels); n++) {
		const char *kernel = kernels[n] ? kernels[n] : manager->host.release;
		char key[HASH_HEX_SIZE];

		make_as(n + 1, NULL, kernel, n);
		name_it(n + 1, key);
		assert_int_equal(db_build_imported(manager->db, key, n ? "CN=x" : ""), 0);
	}
	make(5, 5);
	make(6, 6);
	conf.cache_max = 0;
	assert_collected("3:kernel_gone 5:over_limit ");
	assert_true(there(1) && there(2) && there(4) && there(6));
}

static void what_nobody_knows_goes(void **state)
{
	char key[HASH_HEX_SIZE];

	make(1, 1);
	make(2, 2);
	name_it(1, key);
	assert_int_equal(db_build_remove(manager->db, key), 0);
	scratch_folder("cache/zz");
	scratch_folder("cache/mine");
	assert_collected("1:unknown ");
	assert_true(there(2) && !there(1));
	assert_int_equal(access(scratch_path("cache/mine"), F_OK), 0);
	name_it(2, key);
	assert_int_equal(db_build_remove(manager->db, key), 0);
	restart();
	assert_false(there(2));
}

/* A folder that was moved away may be back with the next start. */
static void what_is_missing_is_forgotten_when_asked(void **state)
{
	_cleanup_db_build_ DbBuild b = {};
	char key[HASH_HEX_SIZE];

	make(1, 1);
	make(2, 2);
	name_it(1, key);
	assert_int_equal(cache_remove(paths[2], key), 0);
	restart();
	assert_int_equal(db_build_get(manager->db, key, &b), 0);
	assert_collected("1:missing ");
	assert_true(there(2) && !there(1));
}

static void growing_has_it_trimmed(void **state)
{
	make(1, 1);
	make(2, 2);
	conf.cache_max = SIZE;
	keep_grown(manager);
	for (int i = 0; i < 5; i++)
		assert_true(sd_event_run(event, 2000) >= 0);
	assert_true(!there(1) && there(2));
}

static void a_container_that_ends_is_a_use(void **state)
{
	char digest[HASH_HEX_SIZE];
	DbInstance i = { .instance = 1, .container = (char *)"c", .digest = digest, .bound = 1 };

	make(1, 10);
	make(2, 20);
	make(3, 30);
	name_it(1, digest);
	assert_int_equal(db_instance_put(manager->db, "boot", &i, NULL), 0);
	assert_int_equal(db_instance_end(manager->db, "boot", 1, 40), 0);
	i.instance = 2;
	name_it(2, digest);
	assert_int_equal(db_instance_put(manager->db, "before", &i, NULL), 0);
	assert_int_equal(db_instances_other_boots(manager->db, "boot", 50), 0);
	conf.cache_max = 2 * SIZE;
	assert_collected("3:over_limit ");
}

static int listen_notify(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/notify", scratch);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	setenv("NOTIFY_SOCKET", sa.sun_path, 1);
	return fd;
}

static void assert_notified(int fd, const char *a, const char *b)
{
	char text[1024] = "";

	assert_true(recv(fd, text, sizeof(text) - 1, 0) > 0);
	if (!strstr(text, a) || !strstr(text, b))
		print_error("'%s' and '%s' are not both in '%s'\n", a, b, text);
	assert_non_null(strstr(text, a));
	assert_non_null(strstr(text, b));
}

/* As main() has it: a signal that waits for the loop. */
static void hang_up(int notify, const char *status)
{
	assert_int_equal(kill(getpid(), SIGHUP), 0);
	for (int i = 0; i < 5; i++)
		assert_true(sd_event_run(event, 2000) >= 0);
	assert_notified(notify, "RELOADING=1", "MONOTONIC_USEC=");
	assert_notified(notify, "READY=1", status);
}

static void settings_are_reloaded(void **state)
{
	char path[128];
	_cleanup_settings_ Settings s = { .path = path, .manager = manager };
	_cleanup_close_ int notify = listen_notify();

	snprintf(path, sizeof(path), "%s/conf", scratch);
	scratch_write("conf", "BuildTimeoutSec=5\nBuildUser=nobody\nProfileUser=daemon\n");
	assert_int_equal(settings_load(&s), 0);
	assert_int_equal(settings_watch(&s, event), 0);
	scratch_write("conf", "BuildTimeoutSec=6\nBuildsMax=2\nCacheMax=1K\nOnClaim=kill\n"
			      "BuildUser=nobody\nProfileUser=daemon\nModuleSigningKey=/k\n");
	hang_up(notify, "Ready.");
	assert_ptr_equal(manager->conf, s.conf);
	assert_int_equal(manager->builder_config.timeout, 6);
	assert_int_equal(manager->builder_config.builds_max, 2);
	assert_string_equal(manager->builder_config.signer.key, "/k");
	assert_true(manager->conf->on_claim_kill);
	assert_int_equal(manager->conf->cache_max, 1024);

	scratch_write("conf", "BuildTimeoutSec=7\nOnClaim=maybe\n");
	hang_up(notify, "conf:2: OnClaim= wants refuse or kill");
	assert_int_equal(manager->builder_config.timeout, 6);
	assert_true(manager->conf->on_claim_kill);
	assert_non_null(strstr(manager->settings_error, "conf:2: OnClaim="));

	scratch_write("conf", "BuildTimeoutSec=8\nBuildUser=nobody\nProfileUser=daemon\n");
	hang_up(notify, "Ready.");
	assert_int_equal(manager->builder_config.timeout, 8);
	assert_false(manager->conf->on_claim_kill);
	assert_null(manager->builder_config.signer.key);
	assert_null(manager->settings_error);

	if (geteuid() == 0) {
		scratch_write("conf", "BuildTimeoutSec=9\nBuildUser=no-such-user\n");
		hang_up(notify, "there is no user no-such-user");
		assert_int_equal(manager->builder_config.timeout, 8);
		assert_string_equal(manager->conf->build_user, "nobody");
		scratch_write("conf", "BuildUser=nobody\nProfileUser=nobody\n");
		hang_up(notify, "BuildUser= and ProfileUser= in /etc/vkernel/vkernel.conf are both");
		assert_string_equal(manager->conf->profile_user, "daemon");
	}
	unsetenv("NOTIFY_SOCKET");
	manager = manager_free(manager);
	start();
}

#define keep_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		keep_test(the_longest_unused_goes_first),
		keep_test(within_the_limit_nothing_goes),
		keep_test(what_is_used_stays),
		keep_test(what_was_used_last_stays),
		keep_test(a_core_that_is_not_loaded_goes),
		keep_test(what_is_loaded_here_is_not_for_another_kernel),
		keep_test(what_kernels_that_are_gone_had_goes),
		keep_test(what_was_imported_stays),
		keep_test(what_nobody_knows_goes),
		keep_test(what_is_missing_is_forgotten_when_asked),
		keep_test(growing_has_it_trimmed),
		keep_test(a_container_that_ends_is_a_use),
		keep_test(settings_are_reloaded),
	};
	sigset_t set;

	/* As vkerneld's own main() has it. */
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGHUP);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
