/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who signs modules, for kernels that take no others. Only a child reads the key: it has no
 * capabilities, is not to be traced, and ends with its one signature.
 */
#pragma once

#include <systemd/sd-event.h>

#include "vkerneld/build/sign.h"
#include "vkerneld/failure.h"

typedef struct Signing Signing;

/* f: NULL for a success. The signing is freed after this. */
typedef void (*SigningDone)(Failure *f, void *userdata);

/* Does the running kernel refuse modules without a signature it trusts? */
bool signing_required(void);

static inline bool signer_is_set(const Signer *s)
{
	return s->key || s->cert;
}

/* What sign_identify() says of what is there now; empty if modules are not signed. */
int signing_identify(const Signer *s, char ret[HASH_HEX_SIZE], Failure *f);

/* Waits for a child that looks at key and certificate. On failure f says what is wrong with them.
 */
int signing_check(const Signer *s, SignReport *ret, Failure *f);

int signing_start(sd_event *event, const Signer *s, const char *id, const char *module,
		  SigningDone done, void *userdata, Signing **ret);

/* Stops one that still runs; done is not called. */
Signing *signing_free(Signing *s);

/* A report in memory that a child sees, too. */
SignReport *signing_report_new(void);
void signing_report_freep(SignReport **r);
