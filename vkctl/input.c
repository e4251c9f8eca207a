// SPDX-License-Identifier: LGPL-2.1-or-later
#include <fcntl.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/utf8.h"
#include "proto/varlink.h"
#include "vkctl/input.h"

#define JSON_DEPTH 32

int read_all(int fd, size_t max, char **ret, size_t *ret_length)
{
	_cleanup_free_ char *text = NULL;
	size_t length = 0, room = 0;

	for (;;) {
		ssize_t n;

		if (length + 1 >= room) {
			char *bigger;

			room = room ? room * 2 : 16384;
			bigger = realloc(text, room);
			if (!bigger)
				return -ENOMEM;
			text = bigger;
		}
		n = read(fd, text + length, room - length - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += n;
		if (length > max)
			return -EFBIG;
	}
	text[length] = 0;
	*ret = TAKE_PTR(text);
	*ret_length = length;
	return 0;
}

int read_regular(const char *path, size_t max, char **ret, size_t *ret_length)
{
	/* A FIFO in its place must not hold the container's start up. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uintmax_t)st.st_size > max)
		return -EFBIG;
	return read_all(fd, max, ret, ret_length);
}

bool is_text(const char *bytes, size_t length)
{
	locale_t utf8, before;
	bool valid;

	if (memchr(bytes, 0, length))
		return false;
	utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", 0);
	if (!utf8)
		return true;
	before = uselocale(utf8);
	valid = mbstowcs(NULL, bytes, 0) != (size_t)-1;
	uselocale(before);
	freelocale(utf8);
	return valid;
}

int parse_object(const char *text, size_t length, struct json_object **ret, const char **ret_why)
{
	_cleanup_json_ struct json_object *object = NULL;
	_cleanup_free_ char *ascii = NULL;
	struct json_tokener *tokener;
	enum json_tokener_error error;
	int r;

	r = json_to_ascii(text, length, &ascii, &length);
	if (r == -EILSEQ) {
		*ret_why = json_tokener_error_desc(json_tokener_error_parse_utf8_string);
		return -EBADMSG;
	}
	if (r < 0)
		return r;
	tokener = json_tokener_new_ex(JSON_DEPTH);
	if (!tokener)
		return -ENOMEM;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, ascii ?: text, (int)length);
	error = json_tokener_get_error(tokener);
	if (error == json_tokener_success && json_tokener_get_parse_end(tokener) != length)
		error = json_tokener_error_parse_unexpected;
	json_tokener_free(tokener);
	if (error == json_tokener_continue) {
		*ret_why = "it ends too early";
		return -EBADMSG;
	}
	if (error != json_tokener_success) {
		*ret_why = json_tokener_error_desc(error);
		return -EBADMSG;
	}
	if (!json_object_is_type(object, json_type_object)) {
		*ret_why = "not an object";
		return -EBADMSG;
	}
	*ret = TAKE_PTR(object);
	return 0;
}
