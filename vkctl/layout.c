// SPDX-License-Identifier: LGPL-2.1-or-later
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <nettle/sha2.h>

#include "proto/varlink.h"
#include "vkctl/input.h"
#include "vkctl/layout.h"

#define INDEX "application/vnd.oci.image.index.v1+json"
#define MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define EMPTY "application/vnd.oci.empty.v1+json"
#define EMPTY_TEXT "{}"
#define REF_NAME "org.opencontainers.image.ref.name"
#define TITLE "org.opencontainers.image.title"
#define TAG_MAX 128
#define VERSION_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"
#define MEND "copy or export it again"

/* Annotations are strings; what vkerneld calls it, and whether that is a number there. */
static const struct {
	const char *annotation, *field;
	bool number, optional;
} annotations[] = {
	{ "io.vkernel.module", "module", false, false },
	{ "io.vkernel.policy.digest", "digest", false, false },
	{ "io.vkernel.architecture", "architecture", false, false },
	{ "io.vkernel.kernel.release", "kernel", false, false },
	{ "io.vkernel.kernel.build-id", "build_id", false, false },
	{ "io.vkernel.abi", "abi", true, false },
	{ "io.vkernel.version", "version", false, false },
	{ "io.vkernel.address", "address", false, false },
	{ "io.vkernel.key", "key", false, true },
};

void layout_index_clear(struct layout_index *index)
{
	for (size_t i = 0; i < index->n; i++)
		free(index->entries[i].tag);
	free(index->entries);
	*index = (struct layout_index){};
}

void layout_manifest_clear(struct layout_manifest *manifest)
{
	free(manifest->module.tag);
	json_object_put(manifest->prebuilt);
	*manifest = (struct layout_manifest){};
}

void layout_close(struct layout *layout)
{
	closep(&layout->dir);
	json_object_put(layout->entries);
	layout_index_clear(&layout->index);
	*layout = (struct layout){ .dir = -EBADF };
}

static void digest_of(const void *data, size_t size, char ret[65])
{
	uint8_t bytes[SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, size, data);
	sha256_digest(&ctx, sizeof(bytes), bytes);
	for (size_t i = 0; i < sizeof(bytes); i++)
		sprintf(ret + 2 * i, "%02x", bytes[i]);
}

static bool is_kind(json_object *o, const char *key, const char *kind)
{
	const char *found = json_get_string(o, key);

	return found && strcmp(found, kind) == 0;
}

/* Only what is all digits of a digest becomes a name on disk. */
static int parse_descriptor(json_object *o, size_t max, struct descriptor *ret,
			    const char **ret_why)
{
	static const char prefix[] = "sha256:";
	const size_t n = sizeof(prefix) - 1;
	const char *digest = json_get_string(o, "digest");
	int64_t size = json_get_int(o, "size");

	*ret_why = "a digest is not of SHA-256";
	if (!digest || strncmp(digest, prefix, n) != 0 || strlen(digest + n) != 64 ||
	    strspn(digest + n, "0123456789abcdef") != 64)
		return -EBADMSG;
	*ret_why = "the size of something is not one that modules have";
	if (size <= 0 || (uint64_t)size > max)
		return -EBADMSG;
	*ret = (struct descriptor){ .size = (uint64_t)size };
	strcpy(ret->digest, digest + n);
	return 0;
}

static int parse_entry(json_object *o, struct layout_index *index, const char **ret_why)
{
	const char *tag = json_get_string(json_get_object(o, "annotations"), REF_NAME);
	struct descriptor *entry = &index->entries[index->n];
	int r;

	/* An index in the index, or anything else. */
	if (!is_kind(o, "mediaType", MANIFEST))
		return 0;
	r = parse_descriptor(o, LAYOUT_JSON_MAX, entry, ret_why);
	if (r < 0)
		return r;
	entry->tag = tag ? strdup(tag) : NULL;
	index->n++;
	return tag && !entry->tag ? -ENOMEM : 0;
}

int layout_parse_index(const char *text, size_t length, struct layout_index *ret,
		       const char **ret_why)
{
	_cleanup_json_ json_object *o = NULL;
	_cleanup_index_ struct layout_index index = {};
	json_object *manifests;
	size_t n;
	int r;

	r = parse_object(text, length, &o, ret_why);
	if (r < 0)
		return r;
	manifests = json_get_array(o, "manifests");
	n = manifests ? json_object_array_length(manifests) : 0;
	*ret_why = "it lists no manifests, or too many";
	if (!manifests || n > LAYOUT_ENTRIES_MAX)
		return -EBADMSG;
	index.entries = calloc(n + 1, sizeof(*index.entries));
	if (!index.entries)
		return -ENOMEM;
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = parse_entry(json_object_array_get_idx(manifests, i), &index, ret_why);
	if (r < 0)
		return r;
	*ret = index;
	index = (struct layout_index){};
	return 0;
}

static int add_number(json_object *to, const char *field, const char *value)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(value, &end, 10);
	return errno || !*value || *end ? -EBADMSG : json_add_int(to, field, n);
}

static int parse_annotations(json_object *from, json_object *to, const char **ret_why)
{
	int r = 0;

	*ret_why = "an annotation of the module is missing, or no number where it should be one";
	for (size_t i = 0; r >= 0 && i < ELEMENTSOF(annotations); i++) {
		const char *value = json_get_string(from, annotations[i].annotation);

		if (!value && annotations[i].optional)
			continue;
		if (!value)
			return -EBADMSG;
		r = annotations[i].number ? add_number(to, annotations[i].field, value)
					  : json_add_string(to, annotations[i].field, value);
	}
	return r;
}

static int parse_module(json_object *o, struct layout_manifest *m, const char **ret_why)
{
	json_object *layers = json_get_array(o, "layers"), *layer;

	*ret_why = "its manifest has not one layer that is a module";
	if (!layers || json_object_array_length(layers) != 1)
		return -EBADMSG;
	layer = json_object_array_get_idx(layers, 0);
	if (!is_kind(layer, "mediaType", LAYOUT_ARTIFACT))
		return -EBADMSG;
	return parse_descriptor(layer, LAYOUT_MODULE_MAX, &m->module, ret_why);
}

int layout_parse_manifest(const char *text, size_t length, struct layout_manifest *ret,
			  const char **ret_why)
{
	_cleanup_manifest_ struct layout_manifest m = {};
	_cleanup_json_ json_object *o = NULL;
	int r;

	r = parse_object(text, length, &o, ret_why);
	if (r < 0)
		return r;
	*ret_why = "it is another artifact";
	if (!is_kind(o, "artifactType", LAYOUT_ARTIFACT))
		return -ENOMSG;
	m.prebuilt = json_object_new_object();
	if (!m.prebuilt)
		return -ENOMEM;
	r = parse_module(o, &m, ret_why);
	if (r >= 0)
		r = parse_annotations(json_get_object(o, "annotations"), m.prebuilt, ret_why);
	if (r < 0)
		return r;
	*ret = m;
	m = (struct layout_manifest){};
	return 0;
}

static int fail_file(struct failure *failure, int r, const char *name)
{
	return failure_set(failure, STATUS_FAILED, NULL, "%s: %s", name, strerror(-r));
}

static int write_at(int dir, const char *name, const void *data, size_t size)
{
	_cleanup_close_ int fd =
		openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);

	for (size_t at = 0; fd >= 0 && at < size;) {
		ssize_t n = write(fd, (const char *)data + at, size - at);

		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int open_folder(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int open_blobs(int dir)
{
	_cleanup_close_ int blobs = open_folder(dir, "blobs");

	return blobs < 0 ? blobs : open_folder(blobs, "sha256");
}

static int write_blob(const struct layout *layout, const void *data, size_t size,
		      struct descriptor *ret)
{
	_cleanup_close_ int blobs = open_blobs(layout->dir);

	*ret = (struct descriptor){ .size = size };
	digest_of(data, size, ret->digest);
	return blobs < 0 ? blobs : write_at(blobs, ret->digest, data, size);
}

/* rmdir() of a folder with something in it fails, so what is there stays. */
int layout_begin(struct layout *layout, const char *path, struct failure *failure)
{
	struct descriptor empty;
	int r = 0;

	*layout = (struct layout){ .dir = -EBADF, .entries = json_object_new_array() };
	if (!layout->entries)
		return -ENOMEM;
	(void)rmdir(path);
	if (mkdir(path, 0755) < 0)
		return failure_set(failure, STATUS_FAILED,
				   "name a folder that is not there, or empty", "%s: %s", path,
				   strerror(errno));
	layout->dir = open_folder(AT_FDCWD, path);
	if (layout->dir < 0)
		r = layout->dir;
	else if (mkdirat(layout->dir, "blobs", 0755) < 0 ||
		 mkdirat(layout->dir, "blobs/sha256", 0755) < 0)
		r = -errno;
	if (r >= 0)
		r = write_blob(layout, EMPTY_TEXT, strlen(EMPTY_TEXT), &empty);
	return r < 0 ? fail_file(failure, r, path) : 0;
}

static void empty_folder(int dir)
{
	DIR *d = dir < 0 ? NULL : fdopendir(dir);

	if (!d && dir >= 0)
		close(dir);
	for (struct dirent *e; d && (e = readdir(d));)
		(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
}

void layout_abandon(struct layout *layout, const char *path)
{
	if (layout->dir < 0)
		return;
	empty_folder(open_blobs(layout->dir));
	(void)unlinkat(layout->dir, "blobs/sha256", AT_REMOVEDIR);
	(void)unlinkat(layout->dir, "blobs", AT_REMOVEDIR);
	(void)unlinkat(layout->dir, "index.json", 0);
	(void)rmdir(path);
}

static int descriptor_json(const struct descriptor *d, const char *kind, json_object **ret)
{
	_cleanup_json_ json_object *o = json_object_new_object();
	char digest[80];
	int r;

	if (!o)
		return -ENOMEM;
	snprintf(digest, sizeof(digest), "sha256:%s", d->digest);
	r = json_add_string(o, "mediaType", kind);
	if (r >= 0)
		r = json_add_string(o, "digest", digest);
	if (r >= 0)
		r = json_add_int(o, "size", (int64_t)d->size);
	if (r >= 0)
		*ret = TAKE_PTR(o);
	return r;
}

static int annotate(json_object *o, const char *key, const char *value)
{
	json_object *a = json_get_object(o, "annotations");
	int r = 0;

	if (!a) {
		a = json_object_new_object();
		r = json_add(o, "annotations", a);
	}
	return r < 0 ? r : json_add_string(a, key, value);
}

static int annotate_all(json_object *manifest, json_object *prebuilt)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ELEMENTSOF(annotations); i++) {
		json_object *value;

		if (json_object_object_get_ex(prebuilt, annotations[i].field, &value) && value)
			r = annotate(manifest, annotations[i].annotation,
				     json_object_get_string(value));
	}
	return r;
}

static int add_layer(json_object *manifest, const struct descriptor *module, const char *name)
{
	_cleanup_free_ char *title = NULL;
	json_object *layer = NULL, *layers = json_object_new_array();
	int r;

	r = json_add(manifest, "layers", layers);
	if (r >= 0)
		r = descriptor_json(module, LAYOUT_ARTIFACT, &layer);
	if (r >= 0)
		r = json_append(layers, layer);
	if (r < 0)
		return r;
	if (asprintf(&title, "%s.ko", name) < 0) {
		title = NULL;
		return -ENOMEM;
	}
	return annotate(layer, TITLE, title);
}

static int manifest_json(const struct descriptor *module, json_object *prebuilt, json_object **ret)
{
	_cleanup_json_ json_object *o = json_object_new_object();
	struct descriptor empty = { .size = strlen(EMPTY_TEXT) };
	json_object *config = NULL;
	int r;

	if (!o)
		return -ENOMEM;
	digest_of(EMPTY_TEXT, strlen(EMPTY_TEXT), empty.digest);
	r = json_add_int(o, "schemaVersion", 2);
	if (r >= 0)
		r = json_add_string(o, "mediaType", MANIFEST);
	if (r >= 0)
		r = json_add_string(o, "artifactType", LAYOUT_ARTIFACT);
	if (r >= 0)
		r = descriptor_json(&empty, EMPTY, &config);
	if (r >= 0)
		r = json_add(o, "config", config);
	if (r >= 0)
		r = add_layer(o, module, json_get_string(prebuilt, "module") ?: "module");
	if (r >= 0)
		r = annotate_all(o, prebuilt);
	if (r >= 0)
		*ret = TAKE_PTR(o);
	return r;
}

/* The address for people: what it does, and where it runs. A tag has no '+', as releases may. */
static int make_tag(json_object *prebuilt, char **ret)
{
	static const char good[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ._-";

	if (asprintf(ret, "%.64s-%s", json_get_string(prebuilt, "digest") ?: "",
		     json_get_string(prebuilt, "kernel") ?: "") < 0) {
		*ret = NULL;
		return -ENOMEM;
	}
	if (strlen(*ret) > TAG_MAX)
		(*ret)[TAG_MAX] = 0;
	for (char *c = *ret; *c; c++)
		if (!strchr(good, *c))
			*c = '_';
	return 0;
}

static const char *text_of(json_object *o, size_t *ret_length)
{
	return json_object_to_json_string_length(
		o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, ret_length);
}

static int add_entry(struct layout *layout, const struct descriptor *manifest, const char *tag)
{
	_cleanup_json_ json_object *entry = NULL;
	int r;

	r = descriptor_json(manifest, MANIFEST, &entry);
	if (r >= 0)
		r = json_add_string(entry, "artifactType", LAYOUT_ARTIFACT);
	if (r >= 0)
		r = annotate(entry, REF_NAME, tag);
	return r < 0 ? r : json_append(layout->entries, TAKE_PTR(entry));
}

static int add(struct layout *layout, json_object *prebuilt, const void *data, size_t size,
	       const char *tag)
{
	_cleanup_json_ json_object *manifest = NULL;
	struct descriptor module, described;
	const char *text;
	size_t length;
	int r;

	r = write_blob(layout, data, size, &module);
	if (r >= 0)
		r = manifest_json(&module, prebuilt, &manifest);
	if (r < 0)
		return r;
	text = text_of(manifest, &length);
	r = text ? write_blob(layout, text, length, &described) : -ENOMEM;
	return r < 0 ? r : add_entry(layout, &described, tag);
}

int layout_add(struct layout *layout, json_object *prebuilt, const void *data, size_t size,
	       char **ret_tag, struct failure *failure)
{
	_cleanup_free_ char *tag = NULL;
	int r;

	r = make_tag(prebuilt, &tag);
	if (r >= 0)
		r = add(layout, prebuilt, data, size, tag);
	if (r < 0)
		return fail_file(failure, r, tag ?: "module");
	*ret_tag = TAKE_PTR(tag);
	return 0;
}

/* What makes it a layout comes last. */
int layout_end(struct layout *layout, struct failure *failure)
{
	_cleanup_json_ json_object *index = json_object_new_object();
	const char *text = NULL;
	size_t length = 0;
	int r;

	r = index ? json_add_int(index, "schemaVersion", 2) : -ENOMEM;
	if (r >= 0)
		r = json_add_string(index, "mediaType", INDEX);
	if (r >= 0)
		r = json_add(index, "manifests", TAKE_PTR(layout->entries));
	if (r >= 0)
		text = text_of(index, &length);
	if (r >= 0)
		r = text ? write_at(layout->dir, "index.json", text, length) : -ENOMEM;
	if (r >= 0)
		r = write_at(layout->dir, "oci-layout", VERSION_TEXT, strlen(VERSION_TEXT));
	return r < 0 ? fail_file(failure, r, "index.json") : 0;
}

/* A regular file in that very folder. */
static int read_at(int dir, const char *name, size_t max, char **ret, size_t *ret_length)
{
	_cleanup_close_ int fd =
		openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uintmax_t)st.st_size > max)
		return -EFBIG;
	return read_all(fd, max, ret, ret_length);
}

static int fail_reading(struct failure *failure, int r, const char *name)
{
	switch (r) {
	case -ELOOP:
		return failure_set(failure, STATUS_FAILED, MEND, "%s is a symbolic link", name);
	case -EINVAL:
		return failure_set(failure, STATUS_FAILED, MEND, "%s is no file", name);
	case -EFBIG:
		return failure_set(failure, STATUS_FAILED, MEND, "%s is too large", name);
	case -ENOENT:
		return failure_set(failure, STATUS_NOT_FOUND, MEND, "%s is not there", name);
	default:
		return fail_file(failure, r, name);
	}
}

static int fail_parsing(struct failure *failure, int r, const char *name, const char *why)
{
	return r == -EBADMSG ? failure_set(failure, STATUS_FAILED, MEND, "%s: %s", name, why)
			     : fail_file(failure, r, name);
}

static int read_blob(const struct layout *layout, const struct descriptor *d, char **ret,
		     size_t *ret_length, struct failure *failure)
{
	_cleanup_close_ int blobs = open_blobs(layout->dir);
	_cleanup_free_ char *text = NULL;
	char digest[65];
	size_t length;
	int r;

	if (blobs < 0)
		return fail_reading(failure, blobs == -ENOTDIR ? -ELOOP : blobs, "blobs/sha256");
	r = read_at(blobs, d->digest, d->size, &text, &length);
	if (r < 0)
		return fail_reading(failure, r, d->digest);
	digest_of(text, length, digest);
	if (length != d->size || strcmp(digest, d->digest) != 0)
		return failure_set(failure, STATUS_FAILED, MEND,
				   "blobs/sha256/%s has not the size and the digest that it should",
				   d->digest);
	*ret = TAKE_PTR(text);
	*ret_length = length;
	return 0;
}

static int check_version(const struct layout *layout, struct failure *failure)
{
	_cleanup_json_ json_object *o = NULL;
	_cleanup_free_ char *text = NULL;
	const char *why = NULL;
	size_t length;
	int r;

	r = read_at(layout->dir, "oci-layout", LAYOUT_JSON_MAX, &text, &length);
	if (r < 0)
		return fail_reading(failure, r, "oci-layout");
	r = parse_object(text, length, &o, &why);
	if (r < 0)
		return fail_parsing(failure, r, "oci-layout", why);
	if (!is_kind(o, "imageLayoutVersion", "1.0.0"))
		return failure_set(failure, STATUS_FAILED, MEND,
				   "oci-layout: it is of another version than 1.0.0");
	return 0;
}

int layout_open(struct layout *layout, const char *path, struct failure *failure)
{
	_cleanup_free_ char *text = NULL;
	const char *why = NULL;
	size_t length;
	int r;

	*layout = (struct layout){ .dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	if (layout->dir < 0)
		return fail_file(failure, -errno, path);
	r = check_version(layout, failure);
	if (r < 0)
		return r;
	r = read_at(layout->dir, "index.json", LAYOUT_JSON_MAX, &text, &length);
	if (r < 0)
		return fail_reading(failure, r, "index.json");
	r = layout_parse_index(text, length, &layout->index, &why);
	return r < 0 ? fail_parsing(failure, r, "index.json", why) : 0;
}

int layout_read(struct layout *layout, size_t i, struct json_object **ret_prebuilt, char **ret_data,
		size_t *ret_size, struct failure *failure)
{
	_cleanup_manifest_ struct layout_manifest manifest = {};
	_cleanup_free_ char *text = NULL;
	const char *why = NULL;
	size_t length;
	int r;

	r = read_blob(layout, &layout->index.entries[i], &text, &length, failure);
	if (r < 0)
		return r;
	r = layout_parse_manifest(text, length, &manifest, &why);
	if (r == -ENOMSG)
		return r;
	if (r < 0)
		return fail_parsing(failure, r, layout->index.entries[i].digest, why);
	r = read_blob(layout, &manifest.module, ret_data, ret_size, failure);
	if (r >= 0)
		*ret_prebuilt = TAKE_PTR(manifest.prebuilt);
	return r;
}
