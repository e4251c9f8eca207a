/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Builds by a make that only pretends: who shares one, what is kept, and what is not. */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "proto/varlink.h"
#include "tests/unit/fake_module.h"
#include "tests/unit/fake_template.h"
#include "tests/unit/pair.h"
#include "vkerneld/build/prebuilt.h"
#include "vkerneld/child.h"

#define RELEASE "6.12.0-test"
/* Nobody's, and not that of another test: all its processes are killed. */
#define BUILD_UID 61988

/* In the place of the true one: the make below tells of itself outside of its folder. */
int child_keep_files(const char *path)
{
	return 0;
}

/* Keeps count of its runs in a folder that its user may write to. */
static const char make_script[] =
	"#!/bin/sh\n"
	"for a; do case $a in\n"
	"M=*) m=${a#M=};;\n"
	"VK_MODULE=*) n=${a#*=};;\n"
	"VK_FIT=*) fit=${a#*=};;\n"
	"esac; done\n"
	"room=${0%/bin/make}/room\n"
	"echo ${n:-vkernel} >>$room/runs\n"
	"echo $fit >$room/fit-${n:-vkernel}\n"
	"[ ! -e $m/core.symvers ] || cp $m/core.symvers $room\n"
	"[ ! -e $room/slow ] || sleep 30\n"
	"[ ! -e $room/meet ] || { >$room/meet/$$; ls $room/meet | wc -l >>$room/met;"
	" sleep 0.5; rm $room/meet/$$; }\n"
	"[ ! -e $room/fail ] || { echo the reason; exit 2; }\n"
	"printf '\\177ELF and the rest of the module' >$m/${n:-vkernel}.ko\n"
	"[ \"$n\" != " TEMPLATE_MODULE " ] || cat ${0%/bin/make}/template.ko >$m/$n.ko\n"
	"[ ! -e $room/text ] || echo text >$m/${n:-vkernel}.ko\n"
	"echo symbols >$m/Module.symvers\n";

typedef struct World {
	sd_event *event;
	Db *db;
	Builder *builder;
	BuilderConfig config;
	Host host;
	char paths[5][128];
	Policy *policy;
} World;

/* What came back of one request. */
typedef struct Answer {
	bool done, cached;
	char key[HASH_HEX_SIZE], module[32];
	char imported[16]; /* "-" if it was not */
	Failure failure;
} Answer;

static World world;

static void program(const char *name, const char *text)
{
	scratch_write(name, text);
	assert_int_equal(chmod(scratch_path(name), 0755), 0);
}

static void sources(void)
{
	static const char *const folders[] = { "src",
					       "src/kmod",
					       "src/kmod/policy",
					       "src/kmod/include",
					       "src/proto",
					       "bin",
					       "room",
					       "modules",
					       "modules/" RELEASE,
					       "modules/" RELEASE "/build" };
	FakeTemplate template = FAKE_TEMPLATE;

	for (size_t i = 0; i < ELEMENTSOF(folders); i++)
		scratch_folder(folders[i]);
	assert_int_equal(chmod(scratch_path("room"), 0777), 0);
	scratch_write("src/kmod/Kbuild", "");
	scratch_write("src/kmod/main.c", "");
	scratch_write("src/kmod/policy/image.c", "");
	scratch_write("src/kmod/include/policy.h", "");
	scratch_write("src/proto/vkernel_genl.h", "");
	scratch_write("modules/" RELEASE "/build/Makefile", "");
	program("bin/gcc", "#!/bin/sh\necho gcc 1\n");
	program("bin/make", make_script);
	fake_template_make("template.ko", &template);
}

static void start(void)
{
	assert_int_equal(
		builder_new(world.event, &world.config, &world.host, world.db, &world.builder), 0);
}

static void restart(void)
{
	builder_free(world.builder);
	start();
}

static int set_up(void **state, bool kbuild)
{
	static const char *const names[] = { "cache", "src", "modules", "bin", "loaded" };
	_cleanup_free_ char *error = NULL;

	assert_int_equal(scratch_setup(state), 0);
	world = (World){ .host = { .release = (char *)RELEASE, .build_id = (char *)"1" } };
	sources();
	for (size_t i = 0; i < ELEMENTSOF(names); i++)
		snprintf(world.paths[i], sizeof(world.paths[i]), "%s/%s", scratch, names[i]);
	world.config = (BuilderConfig){
		.cache = world.paths[0],
		.sources = world.paths[1],
		.modules = world.paths[2],
		.path = world.paths[3],
		.loaded = world.paths[4],
		.uid = geteuid() == 0 ? BUILD_UID : 0,
		.gid = BUILD_UID,
		.timeout = 20,
		.builds_max = 1,
		.queue_max = 16,
		.kbuild = kbuild,
	};
	assert_int_equal(sd_event_new(&world.event), 0);
	assert_int_equal(db_open(scratch_path("db"), &world.db, &error), 0);
	assert_int_equal(policy_new_allow(&world.policy), 0);
	start();
	return 0;
}

static int setup(void **state)
{
	return set_up(state, false);
}

static int setup_kbuild(void **state)
{
	return set_up(state, true);
}

static int teardown(void **state)
{
	builder_free(world.builder);
	db_free(world.db);
	sd_event_unref(world.event);
	free(world.policy);
	return scratch_teardown(state);
}

static void on_done(const BuildResult *result, void *userdata)
{
	Answer *a = userdata;

	a->done = true;
	a->cached = result->cached;
	strcpy(a->key, result->key);
	strcpy(a->module, result->module);
	strcpy(a->imported, result->imported ? result->imported : "-");
	if (result->failure)
		failure_copy(&a->failure, result->failure);
}

static void ask(Answer *a, const Policy *p)
{
	Failure f = {};

	*a = (Answer){};
	assert_int_equal(builder_request(world.builder, p, on_done, a, &f), 0);
}

/* The n-th of policies that differ. */
static void ask_for(Answer *a, uint32_t n)
{
	Policy *p;

	assert_int_equal(policy_new_allow(&p), 0);
	p->table[VK_TABLE_NATIVE][63] = VK_VERDICT(VK_ERRNO, n);
	policy_seal(p);
	ask(a, p);
	free(p);
}

static void wait_for(const Answer *a)
{
	for (int i = 0; i < 1000 && !a->done; i++)
		assert_true(sd_event_run(world.event, 5000000) >= 0);
	assert_true(a->done);
}

static void build(Answer *a)
{
	ask(a, world.policy);
	wait_for(a);
}

static int runs(void)
{
	FILE *f = fopen(scratch_path("room/runs"), "re");
	char line[64];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		n++;
	if (f)
		fclose(f);
	return n;
}

static int opens(const Answer *a)
{
	int fd = builder_open(world.builder, a->key, a->module);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static void ends_in(const Answer *a, const char *text, bool wanted)
{
	char tail[64] = "";
	int fd = builder_open(world.builder, a->key, a->module);

	assert_true(fd >= 0);
	assert_true(lseek(fd, -(off_t)strlen(text), SEEK_END) > 0);
	assert_int_equal(read(fd, tail, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(strcmp(tail, text) == 0, wanted);
}

#define SIGNED "~Module signature appended~\n"

/* A pair of the scratch folder from here on; NULL: modules are not signed. */
static void sign_with(const char *name)
{
	static char key[128], cert[128];

	world.config.signer = (Signer){ .hash = "sha256" };
	if (!name)
		return;
	snprintf(key, sizeof(key), "%s/%s.key", scratch, name);
	snprintf(cert, sizeof(cert), "%s/%s.crt", scratch, name);
	world.config.signer.key = key;
	world.config.signer.cert = cert;
}

static void assert_clean(void)
{
	/* Only an empty folder can be removed. */
	assert_int_equal(rmdir(scratch_path("cache/tmp")), 0);
	assert_int_equal(mkdir(scratch_path("cache/tmp"), 0711), 0);
}

static void the_core_comes_first_and_all_is_kept(void **state)
{
	Answer a, again;

	build(&a);
	assert_null(a.failure.error);
	assert_false(a.cached);
	assert_int_equal(runs(), 2);
	assert_int_equal(opens(&a), 0);
	build(&again);
	assert_true(again.cached);
	restart();
	build(&again);
	assert_true(again.cached);
	assert_int_equal(runs(), 2);
	assert_clean();
}

static void those_who_ask_together_share_a_build(void **state)
{
	Answer a[3], core;

	for (size_t i = 0; i < ELEMENTSOF(a); i++)
		ask(&a[i], world.policy);
	ask(&core, NULL);
	for (size_t i = 0; i < ELEMENTSOF(a); i++)
		wait_for(&a[i]);
	assert_true(core.done);
	assert_int_equal(runs(), 2);
	assert_string_equal(a[0].key, a[2].key);
}

static void a_changed_module_is_built_anew(void **state)
{
	char file[256];
	Answer a;
	int fd;

	build(&a);
	snprintf(file, sizeof(file), "cache/%.2s/%s/%s.ko", a.key, a.key, a.module);
	fd = open(scratch_path(file), O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	assert_int_equal(opens(&a), -EBADMSG);
	build(&a);
	assert_false(a.cached);
	assert_int_equal(opens(&a), 0);
	assert_int_equal(runs(), 3);
}

static void what_decides_the_bytes_decides_the_key(void **state)
{
	Answer first, other;

	build(&first);
	world.host.build_id = (char *)"2";
	restart();
	build(&other);
	assert_string_not_equal(first.key, other.key);
	scratch_write("src/kmod/policy/image.c", "/* changed */");
	world.host.build_id = (char *)"1";
	restart();
	build(&other);
	assert_string_not_equal(first.key, other.key);
	scratch_write("src/kmod/policy/image.c", "");
	restart();
	build(&other);
	assert_string_equal(first.key, other.key);
	assert_true(other.cached);
}

static void assert_told(const char *symbols)
{
	FILE *f = fopen(scratch_path("room/core.symvers"), "re");
	char line[128] = "";

	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	assert_non_null(strstr(line, symbols));
	fclose(f);
}

static void with_an_installed_core_none_is_built(void **state)
{
	FakeModule m = FAKE_MODULE(RELEASE);
	Answer first, other, without;

	fake_module_install("modules/" RELEASE, &m);
	build(&first);
	assert_null(first.failure.error);
	assert_int_equal(runs(), 1);
	assert_told("0x000012ab\tvkernel_policy_register\t");
	build(&other);
	assert_true(other.cached);
	/* Another core takes other modules. */
	m.crc++;
	fake_module_make("modules/" RELEASE, &m);
	build(&other);
	assert_false(other.cached);
	assert_string_not_equal(first.key, other.key);
	assert_int_equal(runs(), 2);
	assert_told("0x000012ac\t");
	m.version = "0";
	fake_module_make("modules/" RELEASE, &m);
	build(&without);
	assert_string_not_equal(first.key, without.key);
	assert_int_equal(runs(), 4);
	assert_told("symbols");
	/* What was built against the first is still there. */
	m = FAKE_MODULE(RELEASE);
	fake_module_make("modules/" RELEASE, &m);
	build(&other);
	assert_true(other.cached);
	assert_string_equal(first.key, other.key);
	assert_clean();
}

/* The outcome that is recorded; NULL: none. */
static void assert_failed(Answer *a, const char *key, const char *text, const char *outcome)
{
	_cleanup_db_build_ DbBuild b = {};

	assert_non_null(a->failure.error);
	assert_string_equal(a->failure.error, ERROR_BUILD_FAILED);
	assert_non_null(strstr(json_get_string(a->failure.parameters, key), text));
	assert_non_null(json_get_string(a->failure.parameters, "hint"));
	assert_int_equal(db_build_get(world.db, a->key, &b), outcome ? 0 : -ENOENT);
	if (outcome)
		assert_string_equal(b.outcome, outcome);
	failure_done(&a->failure);
	assert_clean();
}

/* The image fails with its core, which is what the database knows of. */
static void a_failure_tells_what_the_compiler_said(void **state)
{
	Answer a;

	scratch_write("room/fail", "");
	build(&a);
	assert_failed(&a, "output", "the reason", NULL);
	assert_int_equal(unlink(scratch_path("room/fail")), 0);
	build(&a);
	assert_null(a.failure.error);
}

static void a_build_that_takes_too_long_is_stopped(void **state)
{
	Answer a;

	scratch_write("room/slow", "");
	world.config.timeout = 1;
	build(&a);
	assert_failed(&a, "message", "1 seconds", NULL);
}

static void what_is_no_module_is_not_taken(void **state)
{
	_cleanup_failure_ Failure f = {};
	Answer a;

	scratch_write("room/text", "");
	build(&a);
	assert_non_null(a.failure.error);
	failure_done(&a.failure);
	assert_clean();
}

static void without_a_compiler_nothing_begins(void **state)
{
	_cleanup_failure_ Failure f = {};
	Answer a = {};

	assert_int_equal(unlink(scratch_path("bin/gcc")), 0);
	assert_true(builder_request(world.builder, world.policy, on_done, &a, &f) < 0);
	assert_false(a.done);
	assert_non_null(strstr(json_get_string(f.parameters, "hint"), "gcc"));
	program("bin/gcc", "#!/bin/sh\necho gcc 1\n");
	build(&a);
	assert_null(a.failure.error);
}

/* What was built before goes on to work, on a host that has lost its compiler or its headers. */
static void without_a_compiler_the_cache_serves(void **state)
{
	static const char *const lost[] = { "bin/gcc", "modules/" RELEASE "/build/Makefile" };
	Answer a, again;

	build(&a);
	for (size_t i = 0; i < ELEMENTSOF(lost); i++) {
		assert_int_equal(unlink(scratch_path(lost[i])), 0);
		restart();
		build(&again);
		assert_null(again.failure.error);
		assert_true(again.cached);
		assert_string_equal(again.key, a.key);
	}
	assert_int_equal(runs(), 2);
}

/* The most that were at it at once. */
static int met(void)
{
	FILE *f = fopen(scratch_path("room/met"), "re");
	int n, most = 0;

	assert_non_null(f);
	while (fscanf(f, "%d", &n) == 1)
		most = n > most ? n : most;
	fclose(f);
	assert_int_equal(unlink(scratch_path("room/met")), 0);
	return most;
}

static void as_many_go_on_at_once_as_configured(void **state)
{
	Answer a[6];

	build(&a[0]);
	scratch_folder("room/meet");
	assert_int_equal(chmod(scratch_path("room/meet"), 0777), 0);
	for (unsigned int most = 1; most <= 3; most += 2) {
		world.config.builds_max = most;
		for (uint32_t i = 0; i < ELEMENTSOF(a); i++)
			ask_for(&a[i], 10 * most + i);
		for (size_t i = 0; i < ELEMENTSOF(a); i++) {
			wait_for(&a[i]);
			assert_null(a[i].failure.error);
			assert_int_equal(opens(&a[i]), 0);
		}
		assert_int_equal(met(), most);
	}
	assert_clean();
}

static void a_full_queue_says_so(void **state)
{
	_cleanup_failure_ Failure f = {};
	Answer a[3], refused = {};

	world.config.queue_max = ELEMENTSOF(a);
	for (uint32_t i = 0; i < ELEMENTSOF(a); i++)
		ask_for(&a[i], i);
	assert_int_equal(builder_request(world.builder, world.policy, on_done, &refused, &f),
			 -EAGAIN);
	assert_string_equal(f.error, ERROR_QUEUE_FULL);
	assert_non_null(strstr(json_get_string(f.parameters, "message"), "wait"));
	assert_non_null(strstr(json_get_string(f.parameters, "hint"), "BuildQueueMax="));
	assert_false(refused.done);
	/* Whoever wants what is in the queue already is no further one. */
	ask_for(&refused, 1);
	for (size_t i = 0; i < ELEMENTSOF(a); i++)
		wait_for(&a[i]);
	assert_true(refused.done);
	build(&refused);
	assert_null(refused.failure.error);
}

/* What a key stands for was decided when it was made. */
static void settings_that_change_are_those_of_the_next(void **state)
{
	Answer a, b;

	pair_write("a", pair_key(), 1);
	build(&a);
	sign_with("a");
	ask_for(&a, 1);
	sign_with("another-whose-name-takes-the-place-of-the-first");
	sign_with(NULL);
	ask_for(&b, 1);
	wait_for(&a);
	wait_for(&b);
	assert_null(a.failure.error);
	assert_string_not_equal(a.key, b.key);
	ends_in(&a, SIGNED, true);
	ends_in(&b, SIGNED, false);
}

static void the_end_stops_a_build(void **state)
{
	Answer a;

	scratch_write("room/slow", "");
	ask(&a, world.policy);
	while (runs() == 0)
		assert_true(sd_event_run(world.event, 10000) >= 0);
	restart();
	assert_false(a.done);
	assert_clean();
}

static void build_other(Answer *a, uint32_t n)
{
	ask_for(a, n);
	wait_for(a);
}

static void assert_placed(Answer *a)
{
	assert_null(a->failure.error);
	assert_false(a->cached);
	assert_int_equal(opens(a), 0);
}

static void one_template_serves_all_policies(void **state)
{
	Answer a, b, again;

	build_other(&a, 1);
	assert_placed(&a);
	assert_int_equal(runs(), 2);
	build_other(&b, 2);
	assert_placed(&b);
	assert_string_not_equal(a.key, b.key);
	assert_string_not_equal(a.module, b.module);
	restart();
	build_other(&b, 3);
	assert_placed(&b);
	build_other(&again, 1);
	assert_true(again.cached);
	assert_string_equal(again.key, a.key);
	assert_int_equal(runs(), 2);
	assert_clean();
}

static void those_who_ask_together_share_a_template(void **state)
{
	Answer a[4], core;

	for (size_t i = 0; i < ELEMENTSOF(a); i++)
		ask_for(&a[i], i / 2);
	ask(&core, NULL);
	for (size_t i = 0; i < ELEMENTSOF(a); i++) {
		wait_for(&a[i]);
		assert_placed(&a[i]);
	}
	assert_true(core.done);
	assert_string_equal(a[0].key, a[1].key);
	assert_string_not_equal(a[1].key, a[2].key);
	assert_int_equal(runs(), 2);
	assert_clean();
}

static void prepare(void)
{
	builder_prepare(world.builder);
	for (int i = 0; i < 1000 && !builder_has_template(world.builder); i++)
		assert_true(sd_event_run(world.event, 5000000) >= 0);
}

static void it_is_made_ahead(void **state)
{
	Answer a;

	prepare();
	assert_int_equal(runs(), 2);
	restart();
	prepare();
	assert_true(builder_has_template(world.builder));
	build(&a);
	assert_placed(&a);
	assert_int_equal(runs(), 2);
}

static void without_a_compiler_nothing_is_made_ahead(void **state)
{
	assert_int_equal(unlink(scratch_path("bin/gcc")), 0);
	builder_prepare(world.builder);
	assert_false(builder_has_template(world.builder));
	assert_int_equal(runs(), 0);
}

static void without_a_compiler_the_template_serves(void **state)
{
	static const char *const lost[] = { "bin/gcc", "modules/" RELEASE "/build/Makefile" };
	Answer a;

	prepare();
	for (uint32_t i = 0; i < ELEMENTSOF(lost); i++) {
		assert_int_equal(unlink(scratch_path(lost[i])), 0);
		build_other(&a, 2 * i);
		assert_placed(&a);
		restart();
		build_other(&a, 2 * i + 1);
		assert_placed(&a);
	}
	assert_true(builder_has_template(world.builder));
	assert_int_equal(runs(), 2);
}

/* The only entry whose module has the template's name. */
static void spoil_template(void)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "set -- %s/cache/*/*/" TEMPLATE_MODULE ".ko && [ $# = 1 ] && echo x >>$1",
		 scratch);
	assert_int_equal(system(command), 0);
	assert_false(builder_has_template(world.builder));
}

static void a_changed_template_is_made_anew(void **state)
{
	_cleanup_failure_ Failure f = {};
	Answer a;

	build_other(&a, 1);
	spoil_template();
	/* What was made of it before is still what was recorded. */
	build_other(&a, 1);
	assert_true(a.cached);
	build_other(&a, 2);
	assert_placed(&a);
	assert_int_equal(runs(), 3);
	spoil_template();
	assert_int_equal(unlink(scratch_path("bin/gcc")), 0);
	assert_true(builder_request(world.builder, world.policy, on_done, &a, &f) < 0);
	assert_non_null(strstr(json_get_string(f.parameters, "hint"), "gcc"));
	assert_int_equal(runs(), 3);
}

static void a_changed_module_is_placed_anew(void **state)
{
	char file[256];
	Answer a;

	build(&a);
	snprintf(file, sizeof(file), "cache/%.2s/%s/%s.ko", a.key, a.key, a.module);
	scratch_write(file, "changed");
	assert_int_equal(opens(&a), -EBADMSG);
	build(&a);
	assert_placed(&a);
	assert_int_equal(runs(), 2);
}

static void the_template_decides_the_key(void **state)
{
	FakeModule m = FAKE_MODULE(RELEASE);
	Answer first, other;

	build(&first);
	world.config.kbuild = true;
	build(&other);
	assert_false(other.cached);
	assert_string_not_equal(first.key, other.key);
	world.config.kbuild = false;
	program("bin/gcc", "#!/bin/sh\necho gcc 2\n");
	restart();
	build(&other);
	assert_string_not_equal(first.key, other.key);
	assert_int_equal(runs(), 5);
	fake_module_install("modules/" RELEASE, &m);
	build(&other);
	assert_placed(&other);
	assert_int_equal(runs(), 6);
	assert_told("0x000012ab\tvkernel_policy_register\t");
}

static void a_template_that_is_none_is_told(void **state)
{
	FakeTemplate t = FAKE_TEMPLATE;
	Answer a;

	t.policy = ".data\npolicy_data: .quad 0\n";
	fake_template_make("template.ko", &t);
	build(&a);
	assert_failed(&a, "message", "0 sections .vkernel.policy", "failed");
}

static void ask_for_core(Answer *a)
{
	ask(a, NULL);
	wait_for(a);
	assert_null(a->failure.error);
	assert_string_equal(a->module, CORE_MODULE);
}

/* Neither compiler nor headers are needed. */
static void what_is_placed_is_signed(void **state)
{
	Answer a, core;

	pair_write("a", pair_key(), 1);
	sign_with("a");
	build_other(&a, 1);
	assert_placed(&a);
	ends_in(&a, SIGNED, true);
	ask_for_core(&core);
	ends_in(&core, SIGNED, true);
	assert_int_equal(unlink(scratch_path("bin/gcc")), 0);
	assert_int_equal(unlink(scratch_path("modules/" RELEASE "/build/Makefile")), 0);
	restart();
	build_other(&a, 2);
	assert_placed(&a);
	ends_in(&a, SIGNED, true);
	sign_with(NULL);
	build_other(&a, 4);
	ends_in(&a, SIGNED, false);
	ask_for_core(&core);
	ends_in(&core, SIGNED, false);
	assert_int_equal(runs(), 2);
	assert_clean();
}

/* With the old key, nothing that is kept serves; nothing is compiled again. */
static void another_key_signs_all_anew(void **state)
{
	Answer a, b, core, again;

	pair_write("a", pair_key(), 1);
	sign_with("a");
	build_other(&a, 1);
	ask_for_core(&core);
	assert_int_equal(unlink(scratch_path("bin/gcc")), 0);
	restart();
	pair_write("a", pair_key(), 2);
	build_other(&b, 1);
	assert_placed(&b);
	assert_false(b.cached);
	assert_string_not_equal(a.key, b.key);
	ends_in(&b, SIGNED, true);
	ask_for_core(&again);
	assert_false(again.cached);
	assert_string_not_equal(core.key, again.key);
	ends_in(&again, SIGNED, true);
	build_other(&b, 1);
	assert_true(b.cached);
	world.config.signer.hash = "sha512";
	build_other(&b, 1);
	assert_false(b.cached);
	assert_int_equal(runs(), 2);
}

/* What was signed before is good without the key, which may be kept elsewhere. */
static void a_key_that_is_gone_is_told(void **state)
{
	Failure f = {};
	Answer a;

	pair_write("a", pair_key(), 1);
	sign_with("a");
	build_other(&a, 1);
	assert_int_equal(unlink(scratch_path("a.key")), 0);
	build_other(&a, 1);
	assert_true(a.cached);
	build_other(&a, 2);
	assert_failed(&a, "message", "ModuleSigningKey=", "failed");
	assert_int_equal(unlink(scratch_path("a.crt")), 0);
	assert_true(builder_request(world.builder, world.policy, on_done, &a, &f) < 0);
	assert_string_equal(f.error, ERROR_BUILD_FAILED);
	assert_non_null(strstr(failure_message(&f), "ModuleSigningCert="));
	failure_done(&f);
	assert_clean();
}

/* The bytes that are recorded are those with the signature. */
static void a_signature_that_was_changed_is_made_anew(void **state)
{
	char file[256];
	Answer a;
	int fd;

	pair_write("a", pair_key(), 1);
	sign_with("a");
	build_other(&a, 1);
	snprintf(file, sizeof(file), "cache/%.2s/%s/%s.ko", a.key, a.key, a.module);
	fd = open(scratch_path(file), O_WRONLY);
	assert_true(lseek(fd, -100, SEEK_END) > 0);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	assert_int_equal(opens(&a), -EBADMSG);
	build_other(&a, 1);
	assert_false(a.cached);
	ends_in(&a, SIGNED, true);
}

static void what_kbuild_makes_is_signed(void **state)
{
	Answer a, core;

	pair_write("a", pair_key(), 1);
	sign_with("a");
	build(&a);
	ends_in(&a, SIGNED, true);
	ask_for_core(&core);
	ends_in(&core, SIGNED, true);
	pair_write("a", pair_key(), 2);
	build(&a);
	assert_false(a.cached);
	assert_int_equal(runs(), 3);
}

/* All of a module that was built. */
static size_t read_module(const Answer *a, char *ret, size_t size)
{
	_cleanup_close_ int fd = builder_open(world.builder, a->key, a->module);
	ssize_t n = pread(fd, ret, size, 0);

	assert_true(n > 0 && (size_t)n < size);
	return (size_t)n;
}

static void look_at(const char *data, size_t size, const char *why)
{
	_cleanup_failure_ Failure f = {};
	PrebuiltLook look;

	assert_true(prebuilt_look(data, size, &look, &f) < 0);
	assert_non_null(strstr(failure_message(&f), why));
}

#define FIT "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void was_compiled_for(const char *module, const char *digest)
{
	char name[64], line[HASH_HEX_SIZE] = "", fit[HASH_HEX_SIZE];
	FILE *f;

	snprintf(name, sizeof(name), "room/fit-%s", module);
	f = fopen(scratch_path(name), "re");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	prebuilt_fit(world.builder, digest, fit);
	assert_string_equal(line, fit);
}

/* Kbuild is told where what it makes fits: that kernel, that build, those sources. */
static void where_it_fits_is_told(void **state)
{
	char digest[HASH_HEX_SIZE], fit[HASH_HEX_SIZE], other[HASH_HEX_SIZE];
	Answer a;

	policy_digest_hex(world.policy, digest);
	build(&a);
	was_compiled_for("vkernel", "core");
	was_compiled_for(TEMPLATE_MODULE, digest);
	prebuilt_fit(world.builder, digest, fit);
	prebuilt_fit(world.builder, "core", other);
	assert_string_not_equal(fit, other);
	world.host.build_id = (char *)"2";
	prebuilt_fit(world.builder, digest, other);
	assert_string_not_equal(fit, other);
	world.host.build_id = (char *)"1";
	scratch_write("src/kmod/include/policy.h", "another");
	restart();
	prebuilt_fit(world.builder, digest, other);
	assert_string_not_equal(fit, other);
}

/* What stands in a module says what it is; what is said of it beside is compared with that. */
static void a_module_says_what_it_is(void **state)
{
	static char data[65536];
	FakeTemplate t = FAKE_TEMPLATE;
	_cleanup_failure_ Failure f = {};
	PrebuiltLook look;
	Answer a;
	size_t n;

	t.info = ".string \"name=" TEMPLATE_MODULE "\"\n.string \"vermagic=" RELEASE " SMP\"\n"
		 ".string \"vkernel=" FIT "\"\n";
	fake_template_make("template.ko", &t);
	build_other(&a, 1);
	assert_placed(&a);
	n = read_module(&a, data, sizeof(data));
	assert_int_equal(prebuilt_look(data, n, &look, &f), 0);
	assert_string_equal(look.module, a.module);
	assert_string_equal(look.release, RELEASE);
	assert_string_equal(look.fit, FIT);
	assert_int_equal(strncmp(look.digest, a.module + strlen(VK_MODULE_PREFIX), 12), 0);
	for (size_t i = 0; i < n; i += 5)
		(void)prebuilt_look(data, i, &look, &f);
	look_at("no ELF at all", 13, "no object file");
	*(char *)memmem(data, n, "name=", 5) = 'x';
	look_at(data, n, "its name and its kernel");
	*(char *)memmem(data, n, "vkernel=", 8) = 'x';
	*(char *)memmem(data, n, "xame=", 5) = 'n';
	look_at(data, n, "what it was made for");
	*(char *)memmem(data, n, "xkernel=", 8) = 'v';
	*((char *)memmem(data, n, "name=" VK_MODULE_PREFIX, 5) + 14) ^= 1;
	look_at(data, n, "its name is not that of its policy");
	data[18] ^= 1;
	look_at(data, n, "not for x86-64");
}

static void import(const char *digest, const char *module, char ret_key[HASH_HEX_SIZE])
{
	const PrebuiltFile file = {
		.digest = digest,
		.module = module,
		.signer = "CN=x",
		.data = "module",
		.size = 6,
	};

	assert_int_equal(prebuilt_keep(world.builder, &file, ret_key), 0);
}

/* Of the other host nothing is here: no compiler, no template, and no core. */
static void what_another_host_made_serves(void **state)
{
	_cleanup_failure_ Failure f = {};
	char digest[HASH_HEX_SIZE], key[HASH_HEX_SIZE], core[HASH_HEX_SIZE];
	Answer a;

	assert_int_equal(unlink(scratch_path("bin/gcc")), 0);
	restart();
	policy_digest_hex(world.policy, digest);
	assert_true(builder_request(world.builder, world.policy, on_done, &a, &f) < 0);
	policy_module_name(world.policy, a.module);
	import(digest, a.module, key);
	build(&a);
	assert_true(a.cached);
	assert_string_equal(a.imported, "CN=x");
	assert_string_equal(a.key, key);
	ends_in(&a, "odule", true);
	import("core", CORE_MODULE, core);
	ask_for_core(&a);
	assert_string_equal(a.key, core);
	/* A key of this host is for what is made here. */
	sign_with("none");
	build(&a);
	assert_string_equal(a.key, key);
	sign_with(NULL);
	assert_int_equal(runs(), 0);
	world.host.build_id = (char *)"2";
	restart();
	failure_done(&f);
	assert_true(builder_request(world.builder, world.policy, on_done, &a, &f) < 0);
	assert_clean();
}

static void what_was_imported_and_changed_is_made_anew(void **state)
{
	char digest[HASH_HEX_SIZE], key[HASH_HEX_SIZE], file[256];
	Answer a;

	policy_digest_hex(world.policy, digest);
	policy_module_name(world.policy, a.module);
	import(digest, a.module, key);
	snprintf(file, sizeof(file), "cache/%.2s/%s/%s.ko", key, key, a.module);
	scratch_write(file, "another");
	build(&a);
	assert_placed(&a);
	assert_string_not_equal(a.key, key);
	assert_string_equal(a.imported, "-");
}

#define builder_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define kbuild_test(f) cmocka_unit_test_setup_teardown(f, setup_kbuild, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		kbuild_test(the_core_comes_first_and_all_is_kept),
		kbuild_test(those_who_ask_together_share_a_build),
		kbuild_test(a_changed_module_is_built_anew),
		kbuild_test(what_decides_the_bytes_decides_the_key),
		kbuild_test(with_an_installed_core_none_is_built),
		kbuild_test(a_failure_tells_what_the_compiler_said),
		kbuild_test(a_build_that_takes_too_long_is_stopped),
		kbuild_test(what_is_no_module_is_not_taken),
		kbuild_test(without_a_compiler_nothing_begins),
		kbuild_test(without_a_compiler_the_cache_serves),
		kbuild_test(as_many_go_on_at_once_as_configured),
		kbuild_test(a_full_queue_says_so),
		builder_test(a_full_queue_says_so),
		kbuild_test(settings_that_change_are_those_of_the_next),
		kbuild_test(the_end_stops_a_build),
		builder_test(the_core_comes_first_and_all_is_kept),
		builder_test(what_decides_the_bytes_decides_the_key),
		builder_test(with_an_installed_core_none_is_built),
		builder_test(a_failure_tells_what_the_compiler_said),
		builder_test(without_a_compiler_nothing_begins),
		builder_test(without_a_compiler_the_cache_serves),
		builder_test(the_end_stops_a_build),
		builder_test(one_template_serves_all_policies),
		builder_test(those_who_ask_together_share_a_template),
		builder_test(it_is_made_ahead),
		builder_test(without_a_compiler_nothing_is_made_ahead),
		builder_test(without_a_compiler_the_template_serves),
		builder_test(a_changed_template_is_made_anew),
		builder_test(a_changed_module_is_placed_anew),
		builder_test(the_template_decides_the_key),
		builder_test(a_template_that_is_none_is_told),
		builder_test(what_is_placed_is_signed),
		builder_test(another_key_signs_all_anew),
		builder_test(a_key_that_is_gone_is_told),
		builder_test(a_signature_that_was_changed_is_made_anew),
		kbuild_test(what_kbuild_makes_is_signed),
		builder_test(a_module_says_what_it_is),
		builder_test(what_another_host_made_serves),
		builder_test(what_was_imported_and_changed_is_made_anew),
		builder_test(where_it_fits_is_told),
	};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
