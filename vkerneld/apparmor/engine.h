/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The profiles that container engines generate, load and delete again: no file has them, so they
 * are written here, to the same rules.
 */
#pragma once

/*
 * The text of the profile @name, for free(); -ENOENT if no engine is known to give a container one
 * of that name. It includes nothing, so that its meaning is the same on every host.
 */
int engine_profile(const char *name, char **ret);
