/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vkerneld/reading.h"

#define REMEMBERED_MAX 64

typedef struct Reading {
	char key[HASH_HEX_SIZE];
	Policy *policy; /* NULL: this place is free */
	uint64_t used; /* the higher, the later */
} Reading;

struct Readings {
	Reading all[REMEMBERED_MAX];
	uint64_t uses;
};

Readings *readings_new(void)
{
	return calloc(1, sizeof(Readings));
}

Readings *readings_free(Readings *r)
{
	for (size_t i = 0; r && i < REMEMBERED_MAX; i++)
		free(r->all[i].policy);
	free(r);
	return NULL;
}

void reading_key(const char *profile, size_t size, const char *const *capabilities,
		 char ret[HASH_HEX_SIZE])
{
	Hash h;

	hash_init(&h);
	hash_add_field(&h, "profile", profile, size);
	for (; *capabilities; capabilities++)
		hash_add_string(&h, "capability", *capabilities);
	hash_end(&h, ret);
}

int reading_recall(Readings *r, const char *key, Policy **ret)
{
	for (size_t i = 0; i < REMEMBERED_MAX; i++)
		if (r->all[i].policy && strcmp(r->all[i].key, key) == 0) {
			r->all[i].used = ++r->uses;
			return policy_copy(r->all[i].policy, ret);
		}
	return -ENOENT;
}

/* A free one, or that which was not used for the longest. */
static Reading *find_place(Readings *r)
{
	Reading *place = &r->all[0];

	for (size_t i = 1; i < REMEMBERED_MAX && place->policy; i++)
		if (!r->all[i].policy || r->all[i].used < place->used)
			place = &r->all[i];
	return place;
}

void reading_remember(Readings *r, const char *key, const Policy *p)
{
	Reading *place = find_place(r);
	Policy *copy;

	if (policy_copy(p, &copy) < 0)
		return;
	free(place->policy);
	place->policy = copy;
	place->used = ++r->uses;
	memcpy(place->key, key, sizeof(place->key));
}
