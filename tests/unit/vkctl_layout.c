// SPDX-License-Identifier: LGPL-2.1-or-later
/* Layouts of modules: what is written is what is read, and skopeo takes it; nothing else is taken.
 */
#include <stdlib.h>

#include "tests/unit/scratch.h"
#include "vkctl/layout.h"

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TAG DIGEST "-6.12_deb13-amd64"
#define MODULE "\177ELF and the rest"
#define PREBUILT                                                                                  \
	"{\"module\":\"vkernel_0123456789ab\",\"digest\":\"" DIGEST "\",\"architecture\":"        \
	"\"x86_64\",\"kernel\":\"6.12+deb13-amd64\",\"build_id\":\"00ff\",\"abi\":3,\"version\":" \
	"\"0.1.0\",\"address\":\"aa\",\"key\":\"bb\"}"

static struct layout layout = { .dir = -EBADF };
static struct failure failure;

static const char *folder(void)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/layout", scratch);
	return path;
}

static void add(const char *prebuilt, const char *data)
{
	struct json_object *o = json_tokener_parse(prebuilt);
	_cleanup_free_ char *tag = NULL;

	assert_non_null(o);
	assert_int_equal(layout_add(&layout, o, data, strlen(data), &tag, &failure), 0);
	json_object_put(o);
}

static void write_layout(void)
{
	assert_int_equal(layout_begin(&layout, folder(), &failure), 0);
	add(PREBUILT, MODULE);
	assert_int_equal(layout_end(&layout, &failure), 0);
	layout_close(&layout);
}

static int setup(void **state)
{
	assert_int_equal(scratch_setup(state), 0);
	write_layout();
	return 0;
}

static int teardown(void **state)
{
	layout_close(&layout);
	failure_clear(&failure);
	return scratch_teardown(state);
}

/* In the scratch folder. */
static int run(const char *command)
{
	char line[2048];

	snprintf(line, sizeof(line), "cd %s && exec >log 2>&1 && %s", scratch, command);
	return system(line);
}

static void reads_back(const char *path)
{
	struct json_object *prebuilt = NULL, *wanted = json_tokener_parse(PREBUILT);
	_cleanup_free_ char *data = NULL;
	size_t size = 0;

	assert_int_equal(layout_open(&layout, path, &failure), 0);
	assert_int_equal(layout.index.n, 1);
	assert_string_equal(layout.index.entries[0].tag, TAG);
	assert_int_equal(layout_read(&layout, 0, &prebuilt, &data, &size, &failure), 0);
	assert_int_equal(size, strlen(MODULE));
	assert_memory_equal(data, MODULE, size);
	assert_true(json_object_equal(prebuilt, wanted));
	json_object_put(prebuilt);
	json_object_put(wanted);
	layout_close(&layout);
}

static void what_is_written_is_read(void **state)
{
	reads_back(folder());
}

static void skopeo_copies_it(void **state)
{
	char copy[128];

	assert_int_equal(run("skopeo copy --insecure-policy oci:layout:" TAG " oci:copy:" TAG), 0);
	snprintf(copy, sizeof(copy), "%s/copy", scratch);
	reads_back(copy);
	assert_int_equal(run("skopeo inspect --raw oci:copy:" TAG " | grep -q '\"artifactType\":"
			     "\"" LAYOUT_ARTIFACT "\"'"),
			 0);
}

static void folders_that_are_there(void **state)
{
	assert_true(layout_begin(&layout, folder(), &failure) < 0);
	assert_non_null(strstr(failure.why, "File exists"));
	/* What was there stays. */
	layout_abandon(&layout, folder());
	layout_close(&layout);
	reads_back(folder());
	scratch_folder("empty");
	assert_int_equal(layout_begin(&layout, scratch_path("empty"), &failure), 0);
	add(PREBUILT, MODULE);
	layout_abandon(&layout, scratch_path("empty"));
	assert_int_not_equal(access(scratch_path("empty"), F_OK), 0);
}

/* Opens, and reads the first entry. */
static int look(void)
{
	struct json_object *prebuilt = NULL;
	_cleanup_free_ char *data = NULL;
	size_t size;
	int r;

	failure_clear(&failure);
	r = layout_open(&layout, folder(), &failure);
	if (r >= 0 && layout.index.n > 0)
		r = layout_read(&layout, 0, &prebuilt, &data, &size, &failure);
	json_object_put(prebuilt);
	layout_close(&layout);
	return r;
}

static void refused(const char *change, const char *why)
{
	assert_int_equal(run(change), 0);
	assert_int_equal(look(), -EREMOTEIO);
	if (!strstr(failure.why, why))
		print_error("%s\n", failure.why);
	assert_non_null(strstr(failure.why, why));
	assert_int_equal(run("rm -rf layout"), 0);
	write_layout();
}

/* The blob that begins so. */
#define BLOB(begin) "$(grep -l '^" begin "' layout/blobs/sha256/*)"
#define THE_MODULE BLOB(".ELF and")
#define THE_MANIFEST BLOB("{\\\"schemaVersion")

static void what_was_changed(void **state)
{
	refused("printf x | dd of=" THE_MODULE " bs=1 seek=3 conv=notrunc", "the digest that");
	refused("printf x >>" THE_MODULE, "is too large");
	refused("truncate -s -1 " THE_MODULE, "has not the size");
	refused("printf ' ' | dd of=" THE_MANIFEST " bs=1 seek=1 conv=notrunc", "the digest that");
	refused("rm " THE_MODULE, "is not there");
	refused("printf x >>layout/index.json", "index.json: ");
	refused("rm layout/oci-layout", "oci-layout is not there");
	refused("sed -i 's/1.0.0/2.0.0/' layout/oci-layout", "another version than 1.0.0");
}

static void what_leads_elsewhere(void **state)
{
	refused("f=" THE_MODULE " && mv $f module && ln -s ../../../module $f", "symbolic link");
	refused("f=" THE_MODULE " && rm $f && mkfifo $f", "is no file");
	refused("mv layout/blobs/sha256 there && ln -s ../../there layout/blobs/sha256",
		"is a symbolic link");
	refused("mv layout/index.json . && ln -s ../index.json layout/index.json",
		"index.json is a symbolic link");
	refused("sed -i 's/sha256:......................../sha256:..\\/..\\/..\\/..\\/etc\\/passwd/' "
		"layout/index.json",
		"a digest is not of SHA-256");
	refused("sed -i 's/sha256:/sha512:/' layout/index.json", "a digest is not of SHA-256");
	refused("sed -i 's/\"size\":[0-9]*/\"size\":1048577/' layout/index.json", "the size of");
	refused("sed -i 's/\"size\":[0-9]*/\"size\":-1/' layout/index.json", "the size of");
	refused("truncate -s 2M layout/index.json", "index.json is too large");
}

#define SHA "\"digest\":\"sha256:" DIGEST "\""
#define LAYER(more) "{\"mediaType\":\"" LAYOUT_ARTIFACT "\"," SHA more "}"
#define LIST(layers, more)                                                                 \
	"{\"artifactType\":\"" LAYOUT_ARTIFACT "\",\"layers\":[" layers "],"               \
	"\"annotations\":{\"io.vkernel.module\":\"m\",\"io.vkernel.policy.digest\":\"d\"," \
	"\"io.vkernel.architecture\":\"a\",\"io.vkernel.kernel.release\":\"r\","           \
	"\"io.vkernel.kernel.build-id\":\"b\",\"io.vkernel.version\":\"v\"" more "}}"
#define LAST ",\"io.vkernel.abi\":\"3\",\"io.vkernel.address\":\"x\""

static void manifests(void **state)
{
	static const struct {
		const char *text;
		int result;
	} cases[] = {
		{ LIST(LAYER(",\"size\":6291456"), LAST), 0 },
		{ LIST(LAYER(",\"size\":6291457"), LAST), -EBADMSG },
		{ LIST(LAYER(",\"size\":0"), LAST), -EBADMSG },
		{ LIST(LAYER(""), LAST), -EBADMSG },
		{ LIST("", LAST), -EBADMSG },
		{ LIST("7", LAST), -EBADMSG },
		{ LIST(LAYER(",\"size\":1") "," LAYER(",\"size\":1"), LAST), -EBADMSG },
		{ LIST(LAYER(",\"size\":1"), ",\"io.vkernel.abi\":\"3\""), -EBADMSG },
		{ LIST(LAYER(",\"size\":1"),
		       ",\"io.vkernel.abi\":\"3x\",\"io.vkernel.address\":\"x\""),
		  -EBADMSG },
		{ LIST(LAYER(",\"size\":1"), ",\"io.vkernel.abi\":3,\"io.vkernel.address\":\"x\""),
		  -EBADMSG },
		{ "{\"artifactType\":\"application/x\"}", -ENOMSG },
		{ "{}", -ENOMSG },
		{ "[]", -EBADMSG },
		{ "{", -EBADMSG },
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		_cleanup_manifest_ struct layout_manifest m = {};
		const char *why = NULL;

		assert_int_equal(
			layout_parse_manifest(cases[i].text, strlen(cases[i].text), &m, &why),
			cases[i].result);
		assert_true(cases[i].result == 0 || why);
		assert_int_equal(m.prebuilt != NULL, cases[i].result == 0);
	}
}

/* Something else in the same layout is nobody's concern. */
static void other_content(void **state)
{
	static const char text[] = "{\"manifests\":[{\"mediaType\":\"application/vnd.oci.image."
				   "index.v1+json\"},7,null]}";
	_cleanup_index_ struct layout_index index = {};
	const char *why;

	assert_int_equal(layout_parse_index(text, strlen(text), &index, &why), 0);
	assert_int_equal(index.n, 0);
	assert_int_equal(layout_parse_index("{}", 2, &index, &why), -EBADMSG);
}

#define layout_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		layout_test(what_is_written_is_read), layout_test(skopeo_copies_it),
		layout_test(folders_that_are_there),  layout_test(what_was_changed),
		layout_test(what_leads_elsewhere),    layout_test(manifests),
		layout_test(other_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
