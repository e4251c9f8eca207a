// SPDX-License-Identifier: LGPL-2.1-or-later
/* The hook's reading of what a runtime, or whoever wrote the bundle, gives it. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "vkctl/bundle.h"
#include "vkctl/input.h"
#include "vkctl/output.h"

static char directory[] = "/tmp/vkctl-bundle-XXXXXX";

static void write_config(const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/config.json", directory);
	unlink(path);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int read_container(struct container *container, const char *config, struct failure *failure)
{
	char state[256];
	int r;

	write_config(config);
	snprintf(state, sizeof(state), "{\"id\":\"c\",\"pid\":7,\"bundle\":\"%s\"}", directory);
	r = container_from_state(container, state, strlen(state), failure);
	return r < 0 ? r : container_from_bundle(container, failure);
}

static void assert_state_refused(const char *state, const char *why)
{
	_cleanup_container_ struct container container = {};
	_cleanup_failure_ struct failure failure = {};

	assert_true(container_from_state(&container, state, strlen(state), &failure) < 0);
	if (!strstr(failure.why, why))
		fail_msg("%s: '%s' is not about '%s'", state, failure.why, why);
}

static void assert_config_refused(const char *config, const char *why)
{
	_cleanup_container_ struct container container = {};
	_cleanup_failure_ struct failure failure = {};

	assert_true(read_container(&container, config, &failure) < 0);
	if (!strstr(failure.why, why))
		fail_msg("%s: '%s' is not about '%s'", config, failure.why, why);
}

static void test_state(void **state)
{
	const char *text = "{\"ociVersion\":\"1.0.2\",\"id\":\"c1\",\"status\":\"creating\","
			   "\"pid\":42,\"bundle\":\"/b\",\"annotations\":null}\n";
	_cleanup_container_ struct container container = {};
	_cleanup_failure_ struct failure failure = {};

	assert_int_equal(container_from_state(&container, text, strlen(text), &failure), 0);
	assert_string_equal(container.id, "c1");
	assert_string_equal(container.status, "creating");
	assert_string_equal(container.bundle, "/b");
	assert_int_equal(container.pid, 42);
}

static void test_hostile_states(void **state)
{
	assert_state_refused("", "no container state");
	assert_state_refused("{", "ends too early");
	assert_state_refused("[]", "not an object");
	assert_state_refused("{} trailing", "not JSON");
	assert_state_refused("{}", "no id");
	assert_state_refused("{\"id\":null}", "no id");
	assert_state_refused("{\"id\":\"\"}", "no id");
	assert_state_refused("{\"id\":7}", "not of type string");
	assert_state_refused("{\"id\":\"a\\nb\"}", "control characters");
	assert_state_refused("{\"id\":\"a\\u0000b\"}", "NUL");
	assert_state_refused("{\"id\":\"a\",\"pid\":\"1\"}", "not of type int");
	assert_state_refused("{\"id\":\"a\",\"pid\":{}}", "not of type int");
	assert_state_refused("{\"id\":\"a\",\"bundle\":[]}", "not of type string");
	assert_state_refused("{\"id\":\"\xff\"}", "not JSON");
}

static void test_nesting(void **state)
{
	char deep[2001];

	memset(deep, '[', 2000);
	deep[2000] = 0;
	assert_state_refused(deep, "not JSON");
}

static void test_missing_pid(void **state)
{
	const char *text = "{\"id\":\"c1\",\"bundle\":\"/b\"}";
	_cleanup_container_ struct container container = {};
	_cleanup_failure_ struct failure failure = {};

	assert_int_equal(container_from_state(&container, text, strlen(text), &failure), 0);
	assert_int_equal(container.pid, 0);
}

static void test_config(void **state)
{
	_cleanup_container_ struct container container = {};
	_cleanup_failure_ struct failure failure = {};
	int r = read_container(
		&container,
		"{\"annotations\":{\"io.vkernel.policy\":\"web\","
		"\"io.kubernetes.cri.image-name\":\"docker.io/nginx:1\"},"
		"\"process\":{\"capabilities\":{\"bounding\":[\"CAP_KILL\",\"CAP_CHOWN\"]},"
		"\"apparmorProfile\":\"docker-default\"},"
		"\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\"},"
		"\"maskedPaths\":[\"/proc/kcore\"],\"readonlyPaths\":[\"/proc/sys\",\"/a\"]}}",
		&failure);

	assert_int_equal(r, 0);
	assert_string_equal(container.policy, "web");
	assert_string_equal(container.image, "docker.io/nginx:1");
	assert_int_equal(json_object_array_length(container.capabilities), 2);
	assert_string_equal(container.apparmor, "docker-default");
	assert_non_null(json_object_object_get(container.seccomp, "defaultAction"));
	assert_int_equal(json_object_array_length(container.masked), 1);
	assert_int_equal(json_object_array_length(container.readonly), 2);
}

static void test_config_without_anything(void **state)
{
	_cleanup_container_ struct container container = {};
	_cleanup_failure_ struct failure failure = {};
	int r = read_container(&container, "{\"annotations\":null,\"linux\":{\"seccomp\":null}}",
			       &failure);

	assert_int_equal(r, 0);
	assert_null(container.policy);
	assert_null(container.image);
	assert_null(container.seccomp);
	assert_null(container.capabilities);
	assert_null(container.masked);
	assert_null(container.readonly);
}

/* An image that could say so would choose its policy. */
static void test_image_does_not_name_itself(void **state)
{
	_cleanup_container_ struct container container = {};
	_cleanup_failure_ struct failure failure = {};
	int r = read_container(&container,
			       "{\"annotations\":{\"org.opencontainers.image.ref.name\":\"x\","
			       "\"org.opencontainers.image.base.name\":\"y\"}}",
			       &failure);

	assert_int_equal(r, 0);
	assert_null(container.image);
}

static void test_said_image_goes_first(void **state)
{
	_cleanup_container_ struct container container = {};
	_cleanup_failure_ struct failure failure = {};
	int r = read_container(&container,
			       "{\"annotations\":{\"io.kubernetes.cri-o.ImageName\":\"x\","
			       "\"io.vkernel.image\":\"y\"}}",
			       &failure);

	assert_int_equal(r, 0);
	assert_string_equal(container.image, "y");
}

static void test_hostile_configs(void **state)
{
	assert_config_refused("", "ends too early");
	assert_config_refused("{\"annotations\":", "ends too early");
	assert_config_refused("[1]", "not an object");
	assert_config_refused("{\"annotations\":{\"a\":\"\xff\"}}", "invalid utf-8");
	assert_config_refused("{\"annotations\":[]}", "not of type object");
	assert_config_refused("{\"annotations\":{\"io.vkernel.policy\":{}}}", "not of type string");
	assert_config_refused("{\"annotations\":{\"io.vkernel.policy\":\"\"}}", "is empty");
	assert_config_refused("{\"annotations\":{\"io.vkernel.policy\":\"a\\u0000\"}}", "NUL");
	assert_config_refused("{\"annotations\":{\"io.vkernel.image\":1}}", "not of type string");
	assert_config_refused("{\"process\":\"sh\"}", "not of type object");
	assert_config_refused("{\"process\":{\"apparmorProfile\":7}}", "not of type string");
	assert_config_refused("{\"process\":{\"capabilities\":[]}}", "not of type object");
	assert_config_refused("{\"linux\":{\"maskedPaths\":{}}}", "linux.maskedPaths is not of");
	assert_config_refused("{\"linux\":{\"readonlyPaths\":[\"/a\",1]}}", "readonlyPaths[1]");
	assert_config_refused("{\"process\":{\"capabilities\":{\"bounding\":{}}}}",
			      "not of type array");
	assert_config_refused("{\"process\":{\"capabilities\":{\"bounding\":[null]}}}",
			      "bounding[0]");
	assert_config_refused("{\"linux\":7}", "not of type object");
	assert_config_refused("{\"linux\":{\"seccomp\":\"unconfined\"}}", "not of type object");
}

static void test_huge_config(void **state)
{
	_cleanup_container_ struct container container = {};
	_cleanup_failure_ struct failure failure = {};
	char path[128], text[256];

	write_config("{}");
	snprintf(path, sizeof(path), "%s/config.json", directory);
	assert_int_equal(truncate(path, CONFIG_MAX + 1), 0);
	snprintf(text, sizeof(text), "{\"id\":\"c\",\"pid\":7,\"bundle\":\"%s\"}", directory);
	container_from_state(&container, text, strlen(text), &failure);
	assert_true(container_from_bundle(&container, &failure) < 0);
	assert_non_null(strstr(failure.why, "16 MiB"));
}

/* What is no file must neither be read nor make the container's start wait. */
static void test_config_is_no_file(void **state)
{
	_cleanup_container_ struct container container = {};
	_cleanup_failure_ struct failure failure = {};
	char path[128], text[256];

	snprintf(path, sizeof(path), "%s/config.json", directory);
	snprintf(text, sizeof(text), "{\"id\":\"c\",\"pid\":7,\"bundle\":\"%s\"}", directory);
	container_from_state(&container, text, strlen(text), &failure);

	unlink(path);
	assert_true(container_from_bundle(&container, &failure) < 0);
	assert_non_null(strstr(failure.why, "No such file"));
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_true(container_from_bundle(&container, &failure) < 0);
	assert_non_null(strstr(failure.why, "no regular file"));
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(container_from_bundle(&container, &failure) < 0);
	assert_non_null(strstr(failure.why, "directory"));
	rmdir(path);
}

static void test_bundle_is_no_path(void **state)
{
	const char *text = "{\"id\":\"c\",\"pid\":7,\"bundle\":\"relative\"}";
	_cleanup_container_ struct container container = {};
	_cleanup_failure_ struct failure failure = {};

	container_from_state(&container, text, strlen(text), &failure);
	assert_true(container_from_bundle(&container, &failure) < 0);
	assert_non_null(strstr(failure.why, "names no bundle"));
}

static void test_text(void **state)
{
	assert_true(is_text("", 0));
	assert_true(is_text("gr\xc3\xbc\xc3\x9f", 6));
	assert_false(is_text("a\0b", 3));
	assert_false(is_text("\xff", 1));
	assert_false(is_text("\xc0\x80", 2));
}

static void test_visible(void **state)
{
	_cleanup_free_ char *shown = visible("a\n\033[2J\x7f\xc2\x9b gr\xc3\xbcn");

	assert_string_equal(shown, "a\\x0a\\x1b[2J\\x7f\\xc2\x9b gr\xc3\xbcn");
}

static int make_directory(void **state)
{
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/config.json", directory);
	unlink(path);
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_hostile_states),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_missing_pid),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_config_without_anything),
		cmocka_unit_test(test_image_does_not_name_itself),
		cmocka_unit_test(test_said_image_goes_first),
		cmocka_unit_test(test_hostile_configs),
		cmocka_unit_test(test_huge_config),
		cmocka_unit_test(test_config_is_no_file),
		cmocka_unit_test(test_bundle_is_no_path),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_visible),
	};

	return cmocka_run_group_tests_name("vkctl_bundle", tests, make_directory, remove_directory);
}
