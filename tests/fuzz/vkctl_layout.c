/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as an index and as a manifest: what comes out is fit to be a name, and within limits.
 */
#include <stdlib.h>
#include <string.h>

#include "vkctl/layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
	if (!holds)
		abort();
}

static void check_descriptor(const struct descriptor *d, size_t max)
{
	check(strlen(d->digest) == 64 && strspn(d->digest, "0123456789abcdef") == 64);
	check(d->size > 0 && d->size <= max);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_manifest_ struct layout_manifest manifest = {};
	_cleanup_index_ struct layout_index index = {};
	const char *why = NULL;

	if (layout_parse_index((const char *)data, size, &index, &why) < 0)
		check(why && index.n == 0);
	for (size_t i = 0; i < index.n; i++)
		check_descriptor(&index.entries[i], LAYOUT_JSON_MAX);
	why = NULL;
	if (layout_parse_manifest((const char *)data, size, &manifest, &why) < 0) {
		check(why && !manifest.prebuilt);
		return 0;
	}
	check_descriptor(&manifest.module, LAYOUT_MODULE_MAX);
	check(json_object_object_length(manifest.prebuilt) >= 8);
	return 0;
}
