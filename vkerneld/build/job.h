/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One build: who waits for it, what it works on, and its end. Only the builder's own files look in
 * here.
 */
#pragma once

#include "vkerneld/build/builder.h"
#include "vkerneld/build/sandbox.h"
#include "vkerneld/build/signing.h"
#include "vkerneld/build/sources.h"
#include "vkerneld/build/template.h"

typedef struct Job Job;
typedef struct Waiter Waiter;

typedef enum Product {
	PRODUCT_CORE, /* compiled, where none is installed; without a signature */
	PRODUCT_SIGNED_CORE, /* a copy of it, for who has a key */
	PRODUCT_TEMPLATE, /* of image modules; compiled against the core */
	PRODUCT_COMPILED, /* an image module; compiled against the core */
	PRODUCT_PLACED, /* an image module; a policy put into the template */
} Product;

typedef enum JobState {
	JOB_WAITS, /* for what it needs */
	JOB_READY,
	JOB_RUNS,
} JobState;

struct Builder {
	sd_event *event;
	const BuilderConfig *config;
	const Host *host;
	Db *db;
	Toolchain toolchain;
	char *symvers; /* of the installed core at the last request; NULL: none serves */
	char signer[HASH_HEX_SIZE]; /* at the last request; empty: modules are not signed */
	Sources sources;
	Job *jobs; /* in the order of their arrival */
	sd_event_source *pump;
};

struct Job {
	Builder *builder;
	Job *next;
	Waiter *waiters;
	Product product;
	JobState state;
	bool needed; /* began for the sake of another */
	Policy *policy; /* NULL: the core, or the template */
	char key[HASH_HEX_SIZE];
	char digest[HASH_HEX_SIZE]; /* of the policy, or a word */
	char module[sizeof(TEMPLATE_MODULE)];
	char needs[HASH_HEX_SIZE]; /* key of the core or template that it waited for */
	char *symvers; /* of the installed core; NULL: that of the one it needs */
	char fit[HASH_HEX_SIZE]; /* key_fit() of then, for what is compiled */
	Signer signer; /* as settings were when the key was made */
	char signer_id[HASH_HEX_SIZE]; /* empty: it is not signed */
	uid_t uid; /* that compiles it */
	int64_t started;
	char *dir, *entry; /* of the build, and of what becomes the entry of the cache */
	Sandbox *sandbox;
	Signing *signing;
};

/* Its builder has it from then on. */
int job_new(Builder *b, Product product, const Policy *policy, const char *key, Job **ret);
/* Nobody who waits is called. */
void job_free(Job *j);

int job_add_waiter(Job *j, BuilderDone done, void *userdata);

/* Is it the core, or a policy's module, made by no compiler? */
bool product_is_copy(Product product);

/* <folder>/<module>.ko */
int job_module_path(const Job *j, const char *folder, char **ret);

/* Each of these ends the job, tells all who wait, and frees it. */
void job_finish(Job *j, const Failure *failure);
void job_fail(Job *j, Failure *failure, const char *output);
/* An errno of the daemon's own work on it. */
void job_fail_errno(Job *j, int r, const char *doing);

/* The module is in j->entry: signs it, if modules are signed, and makes it the cache's. */
void job_keep(Job *j);

/* What an installed core exports decides the keys of image modules. */
void builder_find_symvers(Builder *b);

/* The next job may begin. */
void builder_go_on(Builder *b);
