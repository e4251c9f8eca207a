// SPDX-License-Identifier: LGPL-2.1-or-later
#include <locale.h>
#include <string.h>

#include "vkctl/shim.h"
#include "vkctl/vkctl.h"

static const struct verb *const verbs[] = {
	&verb_policy,  &verb_build, &verb_cache,  &verb_export, &verb_import, &verb_list,
	&verb_inspect, &verb_mode,  &verb_unload, &verb_events, &verb_status, &verb_hook,
};

int main(int argc, char **argv)
{
	int r;

	if (argc > 0 && strcmp(basename(argv[0]), SHIM_NAME) == 0)
		return shim_main(argc, argv);
	/* A hook shows nobody a table, and is waited for. */
	if (argc < 2 || strcmp(argv[1], verb_hook.name) != 0)
		setlocale(LC_ALL, "");
	argp_err_exit_status = STATUS_USAGE;
	if (argc > 1 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)) {
		puts("vkctl " VK_VERSION);
		return STATUS_OK;
	}
	r = verbs_run(verbs, ELEMENTSOF(verbs), "vkctl",
		      "Gives containers virtual kernels of their own, and looks after them.", argc,
		      argv);
	/* What could not be written was not printed: a full disk is no success. */
	if (fflush(stdout) != 0 && r == STATUS_OK) {
		perror("vkctl: standard output");
		return STATUS_FAILED;
	}
	return r;
}
