/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What people and scripts read: JSON, tables, colours, values as text. */
#pragma once

#include <json-c/json.h>

#include "vkctl/vkctl.h"

struct column {
	const char *head;
	const char *field;
	char *(*show)(struct json_object *value); /* NULL: as it is */
	const char *absent; /* where there is none; NULL: "-" */
	bool right;
	bool cut; /* on a narrow terminal, this column gives way */
	const char *(*colour)(struct json_object *row);
};

/* Whether --json was given. */
bool output_is_json(void);

int output_json(struct json_object *value);
int output_table(struct json_object *rows, const struct column *columns, size_t n);

/* Lists either way. */
int output_rows(struct json_object *rows, const struct column *columns, size_t n);

/* "Name:   value", one field of @object a line. */
int output_fields(struct json_object *object, const struct column *fields, size_t n);

/* On a terminal only, gone when the next line is written: what takes long just now. */
void progress(const char *what, ...) __attribute__((format(printf, 1, 2)));
void progress_end(void);

/* For @stream: a terminal, and NO_COLOR is not set. */
bool has_colour(FILE *stream);

/* The names that the outside world chose, without what would steer a terminal. Caller frees. */
char *visible(const char *text);

char *show_container(struct json_object *value);
char *show_duration(struct json_object *milliseconds);
char *show_list(struct json_object *value);
char *show_size(struct json_object *bytes);
char *show_time(struct json_object *microseconds);
char *show_yes(struct json_object *value);
