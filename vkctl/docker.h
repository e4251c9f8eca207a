/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which image Docker starts a container of: its config.json does not say it. */
#pragma once

#include "vkctl/bundle.h"

/*
 * Puts the image's whole reference into the config, as the annotation that names it, if the bundle
 * is one of Docker's and has no such annotation. Fails only if it matters: if policies are mapped
 * to images, and this one is not known.
 */
int docker_name_image(struct container *container, const char *bundle, struct failure *failure);

/* "nginx" is docker.io/library/nginx:latest. NULL when memory is out. */
char *docker_reference(const char *name);
