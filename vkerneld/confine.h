/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Profiles in AppArmor's language become confinements. The parser may take seconds, so it is run
 * beside the loop; what it made of a name is remembered for as long as no file changes.
 */
#pragma once

#include "vkerneld/manager.h"
#include "vkerneld/profile/report.h"

/* Borrowed; either a text or a name. */
typedef struct ConfineWish {
	const char *text;
	const char *profile; /* which of the text's, or NULL: the only one */
	bool allow_unmediated, exec_inherit;
	const char *name; /* what a container's configuration asks for */
} ConfineWish;

typedef struct ConfineOutcome {
	int result; /* negative: report.error says more, if memory was not out */
	bool host; /* only the host's AppArmor knows it, so the host's AppArmor enforces it */
	struct vk_confinement *confinement; /* NULL: it does not confine */
	ProfileReport report;
} ConfineOutcome;

void confine_outcome_done(ConfineOutcome *o);
#define _cleanup_outcome_ _cleanup_(confine_outcome_done)

typedef struct Confining Confining;

/* It may take the outcome's members, and leave NULL. */
typedef void (*ConfineDone)(ConfineOutcome *o, void *userdata);

/* Calls back from the loop, or, for what is remembered, before it returns and with *ret as NULL. */
int confine_start(Manager *m, const ConfineWish *wish, ConfineDone done, void *userdata,
		  Confining **ret);

/* Nothing calls back any more. */
Confining *confine_cancel(Confining *c);

/* A text at once, for what must not wait: after a change of vkerneld's version. */
void confine_now(const Manager *m, const ConfineWish *wish, ConfineOutcome *ret);

/* Says of what kind a failed outcome is. Returns outcome->result. */
int confine_fail(Failure *f, const ConfineOutcome *o);

/* What made a confinement: VERSION:DIGEST, for free(). NULL if memory is out. */
char *confine_stamp(const ConfineWish *wish);
/* Whether it was made by this version. */
bool confine_stamp_valid(const char *stamp);

void confine_forget(Manager *m);
