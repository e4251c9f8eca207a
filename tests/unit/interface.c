/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The interface as it is described is the one that is there: its methods and its errors. */
#include <ctype.h>

#include "proto/varlink_description.h"
#include "tests/unit/scratch.h"
#include "vkerneld/api.h"

#define WORD_MAX 64

/* The n-th word that stands after the keyword at the beginning of a line. */
static bool described(const char *keyword, size_t n, char ret[WORD_MAX])
{
	const char *at = varlink_vkernel_description;
	size_t length = 0;

	for (; (at = strstr(at, keyword)); at++)
		if (at[-1] == '\n' && n-- == 0)
			break;
	if (!at)
		return false;
	at += strlen(keyword);
	while (isalnum((unsigned char)at[length]))
		length++;
	assert_true(length > 0 && length < WORD_MAX && at[length] == '(');
	memcpy(ret, at, length);
	ret[length] = 0;
	return true;
}

static bool is_described(const char *keyword, const char *name)
{
	char word[WORD_MAX];

	for (size_t n = 0; described(keyword, n, word); n++)
		if (strcmp(word, name) == 0)
			return true;
	print_error("%s%s is not described\n", keyword, name);
	return false;
}

static void methods(void **state)
{
	char word[WORD_MAX];
	size_t n = 0;

	for (const VarlinkMethod *m = api_methods; m->name; m++, n++)
		assert_true(is_described("method ", m->name));
	assert_false(described("method ", n, word));
	assert_true(described("method ", n - 1, word));
}

static void errors(void **state)
{
	static const char *const names[] = {
		ERROR_INVALID_PROFILE,
		ERROR_NO_SUCH_POLICY,
		ERROR_NO_SUCH_CONTAINER,
		ERROR_AMBIGUOUS,
		ERROR_NO_SUCH_MODULE,
		ERROR_NO_SUCH_ENTRY,
		ERROR_ENTRY_IN_USE,
		ERROR_NO_SUCH_PROCESS,
		ERROR_ALREADY_BOUND,
		ERROR_IN_USE,
		ERROR_BUILD_FAILED,
		ERROR_QUEUE_FULL,
		ERROR_KERNEL_MISSING,
		ERROR_UNSUPPORTED,
		ERROR_FAILED,
		"io.vkernel." VARLINK_LIMIT_EXCEEDED,
		"io.vkernel.PermissionDenied",
	};
	char word[WORD_MAX];

	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		const char *name = strrchr(names[i], '.') + 1;

		assert_int_equal(strncmp(names[i], VKERNEL_INTERFACE ".", name - names[i]), 0);
		assert_true(is_described("error ", name));
	}
	assert_false(described("error ", ELEMENTSOF(names), word));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(methods),
		cmocka_unit_test(errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
