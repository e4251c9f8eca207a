/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/profile/field.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "proto/utf8.h"
#include "proto/util.h"

#define DEPTH_MAX 16

/* json-c takes 800 bytes for the three of "{},": no profile of PROFILE_SIZE_MAX may take a GB. */
#define CONTAINERS_MAX 65536

static void tokener_freep(json_tokener **tok)
{
	if (*tok)
		json_tokener_free(*tok);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int fail_at(ProfileReport *report, const char *text, size_t offset, const char *why)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < offset; i++, column++)
		if (text[i] == '\n') {
			line++;
			column = 0;
		}
	return profile_fail(report, -EINVAL, "line %zu, column %zu: %s", line, column, why);
}

/* Behind the closing quote, or the end of the text. */
static size_t skip_string(const char *text, size_t size, size_t i)
{
	while (++i < size && text[i] != '"')
		i += text[i] == '\\';
	return i < size ? i + 1 : size;
}

static size_t count_digits(const char *text, size_t size, size_t i)
{
	size_t n = 0;

	while (i + n < size && text[i + n] >= '0' && text[i + n] <= '9')
		n++;
	return n;
}

static bool fits_u64(const char *digits, size_t n)
{
	const char *greatest = "18446744073709551615";

	return n < strlen(greatest) || (n == strlen(greatest) && strncmp(digits, greatest, n) <= 0);
}

/*
 * What json-c lets pass, strict or not: numbers of any length, cut to the greatest it knows, and
 * names in single quotes.
 */
static int scan(const char *text, size_t size, ProfileReport *report)
{
	size_t digits, n = 0, i = 0;

	while (i < size) {
		if (text[i] == '"') {
			i = skip_string(text, size, i);
			continue;
		}
		if (text[i] == '\'')
			return fail_at(report, text, i, "strings need double quotes");
		digits = count_digits(text, size, i);
		if (!fits_u64(text + i, digits))
			return fail_at(report, text, i, "the number needs more than 64 bits");
		n += text[i] == '{' || text[i] == '[';
		i += digits ? digits : 1;
	}
	if (n > CONTAINERS_MAX)
		return profile_fail(report, -E2BIG, "more than %d objects and arrays",
				    CONTAINERS_MAX);
	return 0;
}

static int check_start(const char *text, size_t size, ProfileReport *report)
{
	size_t i = 0;

	while (i < size && is_space(text[i]))
		i++;
	if (i == size)
		return profile_fail(report, -EINVAL, "the profile is empty");
	if (text[i] != '{')
		return fail_at(report, text, i, "a profile is a JSON object and starts with {");
	return scan(text, size, report);
}

static int check_end(const char *text, size_t size, size_t end, ProfileReport *report)
{
	while (end < size && is_space(text[end]))
		end++;
	if (end < size)
		return fail_at(report, text, end, "the profile ends before this, but text follows");
	return 0;
}

static int parse_ascii(const char *text, size_t size, json_object **ret, ProfileReport *report)
{
	_cleanup_(tokener_freep) json_tokener *tok = NULL;
	enum json_tokener_error error;
	json_object *o;
	int r;

	r = check_start(text, size, report);
	if (r < 0)
		return r;
	tok = json_tokener_new_ex(DEPTH_MAX);
	if (!tok)
		return -ENOMEM;
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8 |
					    JSON_TOKENER_ALLOW_TRAILING_CHARS);
	o = json_tokener_parse_ex(tok, text, (int)size);
	error = json_tokener_get_error(tok);
	if (error == json_tokener_continue)
		return fail_at(report, text, size, "the JSON text ends too early");
	if (error != json_tokener_success)
		return fail_at(report, text, json_tokener_get_parse_end(tok),
			       json_tokener_error_desc(error));
	r = check_end(text, size, json_tokener_get_parse_end(tok), report);
	if (r < 0) {
		json_object_put(o);
		return r;
	}
	*ret = o;
	return 0;
}

int json_parse_strict(const char *text, size_t size, json_object **ret, ProfileReport *report)
{
	_cleanup_free_ char *ascii = NULL;
	size_t length = size;
	int r = json_to_ascii(text, size, &ascii, &length);

	if (r == -EILSEQ)
		return fail_at(report, text, length,
			       json_tokener_error_desc(json_tokener_error_parse_utf8_string));
	return r < 0 ? r : parse_ascii(ascii ? ascii : text, length, ret, report);
}

/* A place is of this file's making and fits; it only serves messages if it does not. */
static void set_place(Field *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void set_place(Field *f, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(f->place, sizeof(f->place), format, ap);
	va_end(ap);
}

Field field_get(const Field *object, const char *key)
{
	Field f = { .report = object->report };

	json_object_object_get_ex(object->value, key, &f.value);
	set_place(&f, "%s%s%s", object->place, *object->place ? "." : "", key);
	return f;
}

Field field_at(const Field *array, size_t i)
{
	Field f = { .report = array->report, .value = json_object_array_get_idx(array->value, i) };

	set_place(&f, "%s[%zu]", array->place, i);
	return f;
}

static char *format_text(const char *format, va_list ap)
{
	char *text;

	return vasprintf(&text, format, ap) < 0 ? NULL : text;
}

int field_fail(const Field *f, int error, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = format_text(format, ap);
	va_end(ap);
	if (!text)
		return -ENOMEM;
	return profile_fail(f->report, error, "%s: %s", *f->place ? f->place : "profile", text);
}

void field_warn(const Field *f, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = format_text(format, ap);
	va_end(ap);
	if (text)
		profile_warn(f->report, "%s: %s", *f->place ? f->place : "profile", text);
}

int field_uint(const Field *f, uint64_t max, uint64_t *ret)
{
	uint64_t value;

	if (!f->value)
		return 0;
	if (!json_object_is_type(f->value, json_type_int))
		return field_fail(f, -EINVAL, "must be a whole number, not %s",
				  json_type_to_name(json_object_get_type(f->value)));
	value = json_object_get_uint64(f->value);
	if (json_object_get_int64(f->value) < 0 || value > max)
		return field_fail(f, -EINVAL, "must be from 0 to %" PRIu64, max);
	*ret = value;
	return 0;
}

static int check_type(const Field *f, json_type type)
{
	if (!f->value || json_object_is_type(f->value, type))
		return 0;
	return field_fail(f, -EINVAL, "must be of type %s, not %s", json_type_to_name(type),
			  json_type_to_name(json_object_get_type(f->value)));
}

int field_string(const Field *f, const char **ret)
{
	int r = check_type(f, json_type_string);
	const char *text;

	if (r < 0 || !f->value)
		return r;
	text = json_object_get_string(f->value);
	if (strlen(text) != (size_t)json_object_get_string_len(f->value))
		return field_fail(f, -EINVAL, "holds a NUL");
	if (*text)
		*ret = text;
	return 0;
}

int field_array(const Field *f, size_t *ret_size)
{
	int r = check_type(f, json_type_array);

	if (r == 0 && f->value)
		*ret_size = json_object_array_length(f->value);
	return r;
}

int field_object(const Field *f)
{
	return check_type(f, json_type_object);
}

static bool listed(const char *key, const char *const *known)
{
	for (; *known; known++)
		if (strcmp(key, *known) == 0)
			return true;
	return false;
}

void field_warn_unknown(const Field *object, const char *const *known)
{
	if (!object->value)
		return;
	json_object_object_foreach(object->value, key, value)
	{
		(void)value;
		if (!listed(key, known))
			field_warn(object, "unknown field %s, ignoring",
				   quoted(key, strlen(key)).text);
	}
}
