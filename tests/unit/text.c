/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What containers and confinements say, in words. */
#include <signal.h>
#include <sys/socket.h>

#include <vkernel/confine.h>

#include "tests/unit/scratch.h"
#include "vkerneld/names.h"
#include "vkerneld/permission.h"
#include "vkerneld/text.h"

static void assert_escaped(const char *bytes, const char *wanted)
{
	_cleanup_free_ char *text = text_escape(bytes);

	assert_string_equal(text, wanted);
}

static void text_stays(void **state)
{
	static const char *const texts[] = {
		"",
		"/etc/shadow",
		"a b~",
		"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa7",
		"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf",
		"C:\\temp \\xg0 \\x1",
		"\xc2\xa0",
	};

	for (size_t i = 0; i < ELEMENTSOF(texts); i++)
		assert_escaped(texts[i], texts[i]);
}

static void other_bytes_are_escaped(void **state)
{
	assert_escaped("a\nb\033[2J\x7f", "a\\x0ab\\x1b[2J\\x7f");
	assert_escaped("\xc2\x9b", "\\xc2\\x9b");
	assert_escaped("\xff\xfe\x80", "\\xff\\xfe\\x80");
	/* Longer than need be, half of a pair, beyond all characters. */
	assert_escaped("\xc0\xaf\xe0\x80\xaf\xf0\x80\x80\xaf",
		       "\\xc0\\xaf\\xe0\\x80\\xaf\\xf0\\x80\\x80\\xaf");
	assert_escaped("\xed\xa0\x80", "\\xed\\xa0\\x80");
	assert_escaped("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	/* Cut off. */
	assert_escaped("\xe2\x82", "\\xe2\\x82");
	assert_escaped("\xe2\x82x", "\\xe2\\x82x");
	assert_escaped("\xf0\x9f\x90", "\\xf0\\x9f\\x90");
}

/* What was escaped is told from what looks like it. */
static void escapes_are_escaped(void **state)
{
	assert_escaped("a\\x2db", "a\\x5cx2db");
	assert_escaped("\\\xff", "\\\\xff");
}

static void assert_permissions(uint32_t class, uint32_t set, const char *wanted, const char *json)
{
	_cleanup_free_ char *text = permissions_text(class, set);
	json_object *array;

	assert_string_equal(text, wanted);
	assert_int_equal(permissions_json(class, set, &array), 0);
	assert_string_equal(json_object_to_json_string_ext(array, JSON_C_TO_STRING_PLAIN), json);
	json_object_put(array);
}

static void permissions(void **state)
{
	assert_permissions(VK_CLASS_FILE, VK_MAY_WRITE | VK_MAY_READ, "read, write",
			   "[\"read\",\"write\"]");
	assert_permissions(VK_CLASS_FILE, VK_MAY_MASK,
			   "read, write, append, exec, mmap, link, lock",
			   "[\"read\",\"write\",\"append\",\"exec\",\"mmap\",\"link\",\"lock\"]");
	assert_permissions(VK_CLASS_MOUNT, VK_MAY_UMOUNT, "umount", "[\"umount\"]");
	assert_permissions(VK_CLASS_PTRACE, VK_MAY_BE_READ, "read-by", "[\"read-by\"]");
	assert_permissions(VK_CLASS_SIGNAL, VK_MAY_SEND, "send", "[\"send\"]");
	assert_permissions(VK_CLASS_NETWORK, 1, "create", "[\"create\"]");
	assert_permissions(VK_CLASS_CAPABILITY, 1, "", "[]");
	assert_permissions(VK_CLASS_RLIMIT, 1, "", "[]");
	assert_permissions(VK_NR_CLASSES, UINT32_MAX, "", "[]");
	assert_permissions(VK_CLASS_FILE, 0, "", "[]");
}

static void names(void **state)
{
	char name[SIGNAL_NAME_SIZE];

	for (uint32_t i = 0; i < VK_NR_CLASSES; i++)
		assert_non_null(class_name(i));
	assert_null(class_name(VK_NR_CLASSES));
	for (uint32_t i = 0; i < VKERNEL_NR_OPS; i++)
		assert_non_null(operation_name(i));
	assert_null(operation_name(VKERNEL_NR_OPS));
	assert_string_equal(operation_name(VKERNEL_OP_PIVOT_ROOT), "pivot_root");
	assert_string_equal(event_name(VKERNEL_EVENT_POLICY), "policy");
	assert_string_equal(family_name(AF_INET6), "inet6");
	assert_null(family_name(4096));
	assert_string_equal(socket_type_name(SOCK_SEQPACKET), "seqpacket");
	assert_string_equal(resource_name(7), "nofile");
	assert_null(resource_name(16));
	assert_string_equal(signal_name(SIGKILL, name), "SIGKILL");
	assert_null(signal_name(0, name));
	assert_null(signal_name(34, name));
	assert_null(signal_name(UINT32_MAX, name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_stays),
		cmocka_unit_test(other_bytes_are_escaped),
		cmocka_unit_test(escapes_are_escaped),
		cmocka_unit_test(permissions),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
