/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does a certificate that is trusted vouch for a module? A child looks, since what it reads may be
 * hostile: it reads the certificates, becomes another user, closes all files, and has no more left
 * than memory and time, little of both.
 */
#pragma once

#include <systemd/sd-event.h>

#include "vkerneld/build/sign.h"
#include "vkerneld/failure.h"

/* How long it may take in whole, though a processor is busy with other things. */
#define VOUCH_SECONDS_MAX 20
/* Of calls that wait for one. */
#define VOUCHES_MAX 8

typedef struct Vouch Vouch;

typedef struct VouchOrder {
	const char *certificates; /* ModuleImportCerts= */
	const void *module;
	size_t size;
	uid_t uid; /* who reads it; 0: the daemon's own */
	gid_t gid;
} VouchOrder;

/* name: of the certificate that does. f: NULL if one does. The vouch is freed after this. */
typedef void (*VouchDone)(const char *name, Failure *f, void *userdata);

/* The order has to live until this returns only. */
int vouch_start(sd_event *event, const VouchOrder *order, VouchDone done, void *userdata,
		Vouch **ret, Failure *f);

/* Stops one that still runs; done is not called. */
Vouch *vouch_free(Vouch *v);
