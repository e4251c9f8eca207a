/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A start of the daemon: what the database says gives way to what the kernel has. */
#include "tests/unit/fake_core.h"
#include "tests/unit/scratch.h"
#include "vkerneld/manager.h"

static sd_event *event;
static Manager *manager;
static Conf conf;
static ManagerOptions options;
static char folder[128], socket_path[128];
static const uint8_t digest[VK_DIGEST_SIZE] = { 1 };

static int start(void)
{
	return manager_new(event, &options, &conf, &manager);
}

static void stop(void)
{
	manager = manager_free(manager);
}

static int setup(void **state)
{
	assert_int_equal(scratch_setup(state), 0);
	fake_reset();
	fake.loaded = true;
	snprintf(folder, sizeof(folder), "%s", scratch);
	snprintf(socket_path, sizeof(socket_path), "%s/socket", scratch);
	options = (ManagerOptions){ .socket = socket_path,
				    .state = folder,
				    .cache = folder,
				    .sources = folder,
				    .modules = folder,
				    .apparmor = folder };
	conf = (Conf){ .build_user = (char *)"nobody",
		       .profile_user = (char *)"daemon",
		       .cache_max = UINT64_MAX };
	assert_int_equal(sd_event_new(&event), 0);
	assert_int_equal(start(), 0);
	return 0;
}

static int teardown(void **state)
{
	stop();
	event = sd_event_unref(event);
	return scratch_teardown(state);
}

static void record(int64_t instance, const char *container, const char *policy)
{
	assert_int_equal(db_instance_put(manager->db, manager->host.boot,
					 &(DbInstance){ .instance = instance,
							.container = (char *)container,
							.policy = (char *)policy,
							.digest = (char *)"d",
							.bound = 1 },
					 NULL),
			 0);
}

static int count_one(const DbInstance *i, void *userdata)
{
	++*(int *)userdata;
	return 0;
}

static int recorded(void)
{
	int n = 0;

	assert_int_equal(db_instances(manager->db, manager->host.boot, count_one, &n), 0);
	return n;
}

static void assert_recorded(int64_t instance, const char *container, bool adopted)
{
	_cleanup_db_instance_ DbInstance i = {};

	assert_int_equal(db_instance_get(manager->db, manager->host.boot, instance, &i), 0);
	assert_string_equal(i.container, container);
	assert_int_equal(adopted, i.policy == NULL);
}

static void records_without_an_instance_end(void **state)
{
	record(1, "gone", "web");
	stop();
	assert_int_equal(start(), 0);
	assert_int_equal(recorded(), 0);
}

static void all_end_without_the_core(void **state)
{
	record(1, "gone", "web");
	stop();
	fake.loaded = false;
	assert_int_equal(start(), 0);
	assert_int_equal(recorded(), 0);
}

static void an_instance_without_a_record_is_adopted(void **state)
{
	stop();
	fake_instance("unknown", digest);
	assert_int_equal(start(), 0);
	assert_recorded(1, "unknown", true);
}

/* The number is another container's by now. */
static void a_number_belongs_to_whom_the_kernel_says(void **state)
{
	record(1, "before", "web");
	stop();
	fake_instance("after", digest);
	assert_int_equal(start(), 0);
	assert_recorded(1, "after", true);
	assert_int_equal(recorded(), 1);
}

static void the_policy_is_the_one_that_the_kernel_enforces(void **state)
{
	_cleanup_db_instance_ DbInstance i = {};

	record(1, "moved", "web");
	stop();
	fake_instance("moved", digest);
	assert_int_equal(start(), 0);
	assert_int_equal(db_instance_get(manager->db, manager->host.boot, 1, &i), 0);
	assert_null(i.policy);
	assert_int_equal(strncmp(i.digest, "0100", 4), 0);
}

/* The containers are not lost with the file; policies are, and the log says so. */
static void a_lost_database_is_made_anew_from_the_kernel(void **state)
{
	fake_instance("one", digest);
	fake_instance("two", digest);
	stop();
	assert_int_equal(unlink(scratch_path("vkernel.db")), 0);
	assert_int_equal(start(), 0);
	assert_true(db_made(manager->db));
	assert_int_equal(recorded(), 2);
}

/* With its policies, containers mapped by their image would lose their rules unseen: no start. */
static void a_damaged_database_is_no_start(void **state)
{
	char text[8192];

	stop();
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	scratch_write("vkernel.db", text);
	assert_int_equal(start(), -EUCLEAN);
	assert_int_equal(unlink(scratch_path("vkernel.db")), 0);
	assert_int_equal(start(), 0);
}

#define reconcile_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		reconcile_test(records_without_an_instance_end),
		reconcile_test(all_end_without_the_core),
		reconcile_test(an_instance_without_a_record_is_adopted),
		reconcile_test(a_number_belongs_to_whom_the_kernel_says),
		reconcile_test(the_policy_is_the_one_that_the_kernel_enforces),
		reconcile_test(a_lost_database_is_made_anew_from_the_kernel),
		reconcile_test(a_damaged_database_is_no_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
