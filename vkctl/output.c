// SPDX-License-Identifier: LGPL-2.1-or-later
#include <libsmartcols/libsmartcols.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "proto/varlink.h"
#include "vkctl/output.h"

static bool json_wanted;
static bool progress_shown;

static const struct argp_option json_options[] = {
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{},
};

static error_t parse_json_option(int key, char *arg, struct argp_state *state)
{
	if (key != 'j')
		return ARGP_ERR_UNKNOWN;
	json_wanted = true;
	return 0;
}

static const struct argp json_argp = { .options = json_options, .parser = parse_json_option };

const struct argp_child json_option[] = { { &json_argp, 0, NULL, 0 }, {} };

bool output_is_json(void)
{
	return json_wanted;
}

bool has_colour(FILE *stream)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fileno(stream)) && !(no_colour && *no_colour) &&
	       !(term && strcmp(term, "dumb") == 0);
}

static bool is_control(const unsigned char *c)
{
	/* C1, as UTF-8 has it: terminals obey these as well. */
	if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f)
		return true;
	return c[0] < 0x20 || c[0] == 0x7f;
}

char *visible(const char *text)
{
	char *shown = malloc(strlen(text) * 4 + 1), *to = shown;

	if (!shown)
		return NULL;
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		if (is_control(c))
			to += sprintf(to, "\\x%02x", *c);
		else
			*to++ = (char)*c;
	*to = 0;
	return shown;
}

static char *show_text(json_object *value)
{
	return strdup(json_object_get_string(value) ?: "-");
}

/* Engines' ids are 64 digits; the first twelve name a container to people, and to Inspect. */
char *show_container(json_object *value)
{
	const char *name = json_object_get_string(value) ?: "-";

	if (strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64)
		return strndup(name, 12);
	return strdup(name);
}

char *show_duration(json_object *value)
{
	int64_t milliseconds = json_object_get_int64(value);
	char *shown;

	if (asprintf(&shown, "%lld.%03lld s", (long long)milliseconds / 1000,
		     (long long)milliseconds % 1000) < 0)
		return NULL;
	return shown;
}

char *show_list(json_object *value)
{
	_cleanup_free_ char *shown = NULL;
	size_t i, n;

	if (!json_object_is_type(value, json_type_array))
		return show_text(value);
	n = json_object_array_length(value);
	if (n == 0)
		return strdup("-");
	for (i = 0; i < n; i++) {
		const char *item = json_object_get_string(json_object_array_get_idx(value, i));
		char *longer;

		if (asprintf(&longer, "%s%s%s", shown ?: "", i ? ", " : "", item ?: "") < 0)
			return NULL;
		free(shown);
		shown = longer;
	}
	return TAKE_PTR(shown);
}

/* As ls -h has it: one digit behind the point where there is one before it. */
char *show_size(json_object *value)
{
	static const char units[] = "BKMGTPE";
	double size = (double)json_object_get_int64(value);
	size_t unit = 0;
	char *shown;

	for (; size >= 1024 && units[unit + 1]; unit++)
		size /= 1024;
	if (asprintf(&shown, "%.*f%c", unit > 0 && size < 10, size, units[unit]) < 0)
		return NULL;
	return shown;
}

char *show_time(json_object *value)
{
	int64_t microseconds = json_object_get_int64(value);
	time_t seconds = microseconds / 1000000;
	char shown[64];
	struct tm tm;

	if (microseconds <= 0 || !localtime_r(&seconds, &tm) ||
	    strftime(shown, sizeof(shown), "%F %T", &tm) == 0)
		return strdup("-");
	return strdup(shown);
}

char *show_yes(json_object *value)
{
	return strdup(json_object_get_boolean(value) ? "yes" : "no");
}

static char *show_cell(json_object *row, const struct column *column)
{
	json_object *value;

	if (!json_object_object_get_ex(row, column->field, &value) || !value)
		return strdup(column->absent ?: "-");
	return column->show ? column->show(value) : show_text(value);
}

int output_json(json_object *value)
{
	const char *text = json_object_to_json_string_ext(
		value,
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);

	return text && puts(text) >= 0 ? 0 : -EIO;
}

static int add_columns(struct libscols_table *table, const struct column *columns, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		int flags = (columns[i].right ? SCOLS_FL_RIGHT : 0) |
			    (columns[i].cut ? SCOLS_FL_TRUNC : 0);

		if (!scols_table_new_column(table, columns[i].head, 0, flags))
			return -ENOMEM;
	}
	return 0;
}

static int add_row(struct libscols_table *table, const struct column *columns, size_t n,
		   json_object *row)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	size_t i;

	if (!line)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		char *cell = show_cell(row, &columns[i]);

		if (!cell || scols_line_refer_data(line, i, cell) < 0) {
			free(cell);
			return -ENOMEM;
		}
		if (columns[i].colour)
			scols_cell_set_color(scols_line_get_cell(line, i), columns[i].colour(row));
	}
	return 0;
}

int output_table(json_object *rows, const struct column *columns, size_t n)
{
	struct libscols_table *table = scols_new_table();
	size_t i, lines = rows ? json_object_array_length(rows) : 0;
	int r;

	if (!table)
		return -ENOMEM;
	scols_table_enable_colors(table, has_colour(stdout));
	if (!isatty(STDOUT_FILENO))
		scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
	r = add_columns(table, columns, n);
	for (i = 0; r >= 0 && i < lines; i++)
		r = add_row(table, columns, n, json_object_array_get_idx(rows, i));
	if (r >= 0)
		r = scols_print_table(table);
	scols_unref_table(table);
	return r;
}

int output_rows(json_object *rows, const struct column *columns, size_t n)
{
	_cleanup_json_ json_object *none = NULL;

	if (!output_is_json())
		return output_table(rows, columns, n);
	if (!rows)
		rows = none = json_object_new_array();
	return output_json(rows);
}

int output_fields(json_object *object, const struct column *fields, size_t n)
{
	size_t i, width = 0;

	for (i = 0; i < n; i++)
		if (strlen(fields[i].head) > width)
			width = strlen(fields[i].head);
	for (i = 0; i < n; i++) {
		_cleanup_free_ char *cell = show_cell(object, &fields[i]);
		_cleanup_free_ char *shown = cell ? visible(cell) : NULL;

		if (!shown)
			return -ENOMEM;
		printf("%s:%*s %s\n", fields[i].head, (int)(width - strlen(fields[i].head)), "",
		       shown);
	}
	return 0;
}

void progress(const char *what, ...)
{
	va_list args;

	if (!isatty(STDERR_FILENO))
		return;
	va_start(args, what);
	vfprintf(stderr, what, args);
	va_end(args);
	fflush(stderr);
	progress_shown = true;
}

void progress_end(void)
{
	if (progress_shown)
		fputs("\r\033[K", stderr);
	progress_shown = false;
}
