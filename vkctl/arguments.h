/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words of a verb that are no options. */
#pragma once

#include "vkctl/vkctl.h"

struct arguments {
	size_t min, max; /* max: at most ELEMENTSOF(word) */
	size_t n;
	char *word[2];
};

/* An argp parser; its input begins with struct arguments. Leaves options to the caller's. */
error_t arguments_key(int key, char *arg, struct argp_state *state);

/* For a verb without options of its own; @json: it lists something. */
int arguments_parse(struct arguments *arguments, const char *names, const char *doc, bool json,
		    int argc, char **argv);
