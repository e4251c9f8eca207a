// SPDX-License-Identifier: LGPL-2.1-or-later
#include <nettle/base64.h>
#include <string.h>

#include "vkctl/arguments.h"
#include "vkctl/call.h"
#include "vkctl/layout.h"
#include "vkctl/output.h"

#define POLICIES_MAX 1024

struct export
{
	const char *folder;
	const char *policies[POLICIES_MAX];
	size_t n;
	bool core;
};

static const struct argp_option options[] = {
	{ "core", 'c', NULL, 0, "The core as well, where vkerneld has compiled it", 0 },
	{},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct export *e = state->input;

	switch (key) {
	case 'c':
		e->core = true;
		return 0;
	case ARGP_KEY_ARG:
		if (!e->folder)
			e->folder = arg;
		else if (e->n < POLICIES_MAX)
			e->policies[e->n++] = arg;
		else
			argp_error(state, "that is more than %d policies", POLICIES_MAX);
		return 0;
	case ARGP_KEY_END:
		if (!e->folder || e->n + e->core == 0)
			argp_error(state, "name a folder, and policies or --core");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "FOLDER [POLICY...]",
	.doc = "Write policies' modules for the running kernel into a new OCI image layout.\v"
	       "What is not there yet is made. Each module is an artifact that skopeo and the like "
	       "copy; 'vkctl import' takes it in on hosts with the same kernel.",
	.children = json_option,
};

static const struct column columns[] = {
	{ .head = "MODULE", .field = "module" },
	{ .head = "KERNEL", .field = "kernel" },
	{ .head = "TAG", .field = "tag" },
};

static int decode(const char *text, uint8_t **ret, size_t *ret_size)
{
	size_t length = strlen(text), size = BASE64_DECODE_LENGTH(length);
	_cleanup_free_ uint8_t *data = malloc(size + 1);
	struct base64_decode_ctx ctx;

	if (!data)
		return -ENOMEM;
	base64_decode_init(&ctx);
	if (!base64_decode_update(&ctx, &size, data, length, text) || !base64_decode_final(&ctx) ||
	    size == 0)
		return -EBADMSG;
	*ret = TAKE_PTR(data);
	*ret_size = size;
	return 0;
}

static int add_reply(struct layout *layout, json_object *reply, json_object *rows,
		     struct failure *failure)
{
	json_object *prebuilt = json_get_object(reply, "prebuilt");
	_cleanup_free_ uint8_t *data = NULL;
	_cleanup_free_ char *tag = NULL;
	size_t size;
	int r;

	if (!prebuilt || decode(json_get_string(reply, "data") ?: "", &data, &size) < 0)
		return failure_set(failure, STATUS_FAILED,
				   "are vkctl and vkerneld of the same version? 'vkctl status' "
				   "shows it",
				   "vkerneld answered without a module");
	r = layout_add(layout, prebuilt, data, size, &tag, failure);
	if (r >= 0)
		r = json_add_string(prebuilt, "tag", tag);
	return r < 0 ? r : json_append(rows, json_object_get(prebuilt));
}

/* policy: NULL for the core. */
static int export_one(struct layout *layout, const char *policy, json_object *rows,
		      struct failure *failure)
{
	_cleanup_json_ json_object *parameters = policy ? object_with("policy", policy) : NULL;
	_cleanup_json_ json_object *reply = NULL;
	int r;

	progress("building the module of %s …", policy ?: "the core");
	r = call("Export", parameters, 0, &reply, failure);
	progress_end();
	return r < 0 ? r : add_reply(layout, reply, rows, failure);
}

static int run(int argc, char **argv)
{
	struct export e = {};
	_cleanup_failure_ struct failure failure = {};
	_cleanup_layout_ struct layout layout = { .dir = -EBADF };
	_cleanup_json_ json_object *rows = json_object_new_array();
	const char *what;
	int r;

	argp_parse(&argp, argc, argv, 0, NULL, &e);
	what = e.folder;
	r = rows ? layout_begin(&layout, e.folder, &failure) : -ENOMEM;
	if (r >= 0 && e.core)
		r = export_one(&layout, NULL, rows, &failure);
	for (size_t i = 0; r >= 0 && i < e.n; i++) {
		what = e.policies[i];
		r = export_one(&layout, what, rows, &failure);
	}
	if (r >= 0)
		r = layout_end(&layout, &failure);
	if (r < 0)
		layout_abandon(&layout, e.folder);
	else
		r = output_rows(rows, columns, ELEMENTSOF(columns));
	return r < 0 ? failure_report(&failure, what) : STATUS_OK;
}

const struct verb verb_export = {
	.name = "export",
	.arguments = "FOLDER [POLICY...] [--core]",
	.summary = "write modules for other hosts",
	.run = run,
};
