// SPDX-License-Identifier: LGPL-2.1-or-later
/* Which image a container of Docker's is of, from what Docker keeps of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "proto/varlink.h"
#include "vkctl/docker.h"

#define ID "0123456789abcdef"
#define OTHER "fedcba9876543210"
#define BUNDLE "/run/containerd/io.containerd.runtime.v2.task/moby/" ID "/config.json"

static char directory[] = "/tmp/vkctl-docker-XXXXXX";

static void put_settings(const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/containers/" ID "/config.v2.json", directory);
	unlink(path);
	if (!text)
		return;
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* The container's own, with one mount: @source below the folder at @destination. */
static void make_container(struct container *container, const char *source, const char *destination)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"mounts\": [{\"destination\": \"/proc\", \"source\": \"proc\"}, null, 7,"
		 " {\"destination\": \"%s\", \"source\": \"%s/containers/%s\"}]}",
		 destination, directory, source);
	container->config = json_tokener_parse(text);
	assert_non_null(container->config);
	container->id = ID;
}

static void assert_image(const char *wanted, const char *source, const char *destination)
{
	_cleanup_container_ struct container container = {};
	_cleanup_failure_ struct failure failure = {};

	make_container(&container, source, destination);
	assert_int_equal(docker_name_image(&container, BUNDLE, &failure), 0);
	assert_string_equal(container.image, wanted);
	assert_string_equal(json_get_string(json_get_object(container.config, "annotations"),
					    "io.vkernel.image"),
			    wanted);
}

/* Nobody answers at the socket, so that it can not be told whether it matters. */
static void assert_refused(const char *id, const char *source, const char *destination)
{
	_cleanup_container_ struct container container = {};
	_cleanup_failure_ struct failure failure = {};

	make_container(&container, source, destination);
	container.id = id;
	assert_true(docker_name_image(&container, BUNDLE, &failure) < 0);
	assert_non_null(strstr(failure.why, "vkerneld"));
	assert_null(container.image);
}

static void test_references(void **state)
{
	static const char *const names[][2] = {
		{ "nginx", "docker.io/library/nginx:latest" },
		{ "nginx:1.27", "docker.io/library/nginx:1.27" },
		{ "docker.io/nginx", "docker.io/library/nginx:latest" },
		{ "docker.io/library/nginx", "docker.io/library/nginx:latest" },
		{ "who/what:1", "docker.io/who/what:1" },
		{ "localhost/probe:1", "localhost/probe:1" },
		{ "quay.io/who/what", "quay.io/who/what:latest" },
		{ "host:5000/what", "host:5000/what:latest" },
		{ "nginx@sha256:ab", "docker.io/library/nginx@sha256:ab" },
		{ "", "docker.io/library/:latest" },
	};

	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		_cleanup_free_ char *reference = docker_reference(names[i][0]);

		assert_string_equal(reference, names[i][1]);
	}
}

static void test_image(void **state)
{
	put_settings("{\"Image\": \"sha256:ab\", \"Config\": {\"Image\": \"nginx\"}}");
	assert_image("docker.io/library/nginx:latest", ID "/hosts", "/etc/hosts");
	assert_image("docker.io/library/nginx:latest", ID "/resolv.conf", "/etc/resolv.conf");
	/* That of a container whose network it shares. */
	assert_image("docker.io/library/nginx:latest", OTHER "/hostname", "/etc/hostname");
}

static void test_nothing_there(void **state)
{
	put_settings("{\"Config\": {\"Image\": \"nginx\"}}");
	assert_refused(ID, ID "/hosts", "/etc/passwd");
	assert_refused("../" ID, ID "/hosts", "/etc/hosts");
	put_settings(NULL);
	assert_refused(ID, ID "/hosts", "/etc/hosts");
}

static void test_hostile_settings(void **state)
{
	static const char *const settings[] = { "",
						"[]",
						"{\"Config\": 7}",
						"{\"Config\": {\"Image\": 7}}",
						"{\"Config\": {\"Image\": \"\"}}",
						"{\"Config\": {\"Image\": \"nginx\"}" };

	for (size_t i = 0; i < ELEMENTSOF(settings); i++) {
		put_settings(settings[i]);
		assert_refused(ID, ID "/hosts", "/etc/hosts");
	}
}

static void test_not_asked(void **state)
{
	_cleanup_container_ struct container container = { .policy = "web" };
	_cleanup_failure_ struct failure failure = {};

	put_settings("{\"Config\": {\"Image\": \"nginx\"}}");
	make_container(&container, ID "/hosts", "/etc/hosts");
	assert_int_equal(docker_name_image(&container, BUNDLE, &failure), 0);
	assert_null(container.image);
	container.policy = NULL;
	assert_int_equal(docker_name_image(&container, "/mobydick/config.json", &failure), 0);
	assert_null(container.image);
	assert_int_equal(docker_name_image(&container, "/moby-100000.100000/" ID, &failure), 0);
	assert_string_equal(container.image, "docker.io/library/nginx:latest");
}

static int make_directory(void **state)
{
	char path[128];

	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/nobody", directory);
	setenv("VKERNEL_SOCKET", path, 1);
	snprintf(path, sizeof(path), "%s/containers", directory);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/containers/" ID, directory);
	return mkdir(path, 0700);
}

static int remove_directory(void **state)
{
	char path[128];

	put_settings(NULL);
	snprintf(path, sizeof(path), "%s/containers/" ID, directory);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/containers", directory);
	rmdir(path);
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_references),    cmocka_unit_test(test_image),
		cmocka_unit_test(test_nothing_there), cmocka_unit_test(test_hostile_settings),
		cmocka_unit_test(test_not_asked),
	};

	return cmocka_run_group_tests_name("vkctl_docker", tests, make_directory, remove_directory);
}
