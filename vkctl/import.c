// SPDX-License-Identifier: LGPL-2.1-or-later
#include <nettle/base64.h>
#include <string.h>

#include "vkctl/arguments.h"
#include "vkctl/call.h"
#include "vkctl/layout.h"
#include "vkctl/output.h"

struct import {
	struct arguments arguments; /* first: arguments_key() */
	bool insecure;
};

static const struct argp_option options[] = {
	{ "insecure", 'k', NULL, 0, "Modules that nobody vouches for as well; only for root", 0 },
	{},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct import *i = state->input;

	if (key != 'k')
		return arguments_key(key, arg, state);
	i->insecure = true;
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "FOLDER [TAG]",
	.doc = "Take in modules that 'vkctl export' wrote on another host.\v"
	       "They have to be signed by a certificate of ModuleImportCerts=, see "
	       "vkernel.conf(5), and to be for this kernel and this core. One that is refused does "
	       "not keep the others out, but the command fails.",
	.children = json_option,
};

static const struct column columns[] = {
	{ .head = "MODULE", .field = "module" },
	{ .head = "SIGNER", .field = "signer" },
	{ .head = "TAG", .field = "tag" },
};

static int make_parameters(json_object *prebuilt, const char *data, size_t size, bool insecure,
			   json_object **ret)
{
	_cleanup_json_ json_object *o = json_object_new_object();
	size_t length = BASE64_ENCODE_RAW_LENGTH(size);
	_cleanup_free_ char *text = malloc(length + 1);
	int r;

	if (!o || !text)
		return -ENOMEM;
	base64_encode_raw(text, size, (const uint8_t *)data);
	text[length] = 0;
	r = json_add(o, "prebuilt", json_object_get(prebuilt));
	if (r >= 0)
		r = json_add_string(o, "data", text);
	if (r >= 0 && insecure)
		r = json_add_bool(o, "insecure", true);
	if (r >= 0)
		*ret = TAKE_PTR(o);
	return r;
}

/* -ENOMSG for what is no module. */
static int import_one(struct layout *layout, size_t n, bool insecure, json_object *rows,
		      struct failure *failure)
{
	_cleanup_json_ json_object *prebuilt = NULL, *parameters = NULL, *reply = NULL;
	_cleanup_free_ char *data = NULL;
	size_t size;
	int r;

	r = layout_read(layout, n, &prebuilt, &data, &size, failure);
	if (r >= 0)
		r = make_parameters(prebuilt, data, size, insecure, &parameters);
	if (r >= 0)
		r = call("Import", parameters, 0, &reply, failure);
	if (r >= 0)
		r = json_add_string(reply, "tag", layout->index.entries[n].tag);
	return r < 0 ? r : json_append(rows, TAKE_PTR(reply));
}

static bool is_wanted(const struct layout *layout, size_t n, const char *tag)
{
	const char *found = layout->index.entries[n].tag;

	return !tag || (found && strcmp(found, tag) == 0);
}

/* Tells of each that is refused, and returns the status of the first. */
static int import_all(struct layout *layout, const struct import *i, json_object *rows,
		      size_t *ret_seen)
{
	const char *tag = i->arguments.word[1];
	int status = STATUS_OK;

	*ret_seen = 0;
	for (size_t n = 0; n < layout->index.n; n++) {
		_cleanup_failure_ struct failure failure = {};
		const struct descriptor *entry = &layout->index.entries[n];
		int r;

		if (!is_wanted(layout, n, tag))
			continue;
		r = import_one(layout, n, i->insecure, rows, &failure);
		*ret_seen += r != -ENOMSG;
		if (r >= 0 || r == -ENOMSG)
			continue;
		r = failure_report(&failure, entry->tag ?: entry->digest);
		status = status ?: r;
	}
	return status;
}

static int run(int argc, char **argv)
{
	struct import i = { .arguments = { .min = 1, .max = 2 } };
	_cleanup_failure_ struct failure failure = {};
	_cleanup_layout_ struct layout layout = { .dir = -EBADF };
	_cleanup_json_ json_object *rows = json_object_new_array();
	int r, status = STATUS_OK;
	size_t seen = 0;

	argp_parse(&argp, argc, argv, 0, NULL, &i);
	r = rows ? layout_open(&layout, i.arguments.word[0], &failure) : -ENOMEM;
	if (r >= 0)
		status = import_all(&layout, &i, rows, &seen);
	if (r >= 0 && seen == 0)
		r = failure_set(&failure, STATUS_NOT_FOUND, "'vkctl export' writes them",
				"there is no module%s%s", i.arguments.word[1] ? " tagged " : "",
				i.arguments.word[1] ?: "");
	if (r >= 0 && (json_object_array_length(rows) > 0 || output_is_json()))
		r = output_rows(rows, columns, ELEMENTSOF(columns));
	return r < 0 ? failure_report(&failure, i.arguments.word[0]) : status;
}

const struct verb verb_import = {
	.name = "import",
	.arguments = "FOLDER [TAG] [--insecure]",
	.summary = "take in modules of another host",
	.run = run,
};
