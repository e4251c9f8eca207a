/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cache of modules: whole entries, and none that was changed. */
#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/scratch.h"
#include "vkerneld/build/cache.h"

#define KEY "ab00000000000000000000000000000000000000000000000000000000000000"
#define ELF "\177ELF\2\1\1\1\1\1\1\1\1\1\1\1 and so on"

/* An entry with one module and its symbols. */
static void store(char content[HASH_HEX_SIZE])
{
	_cleanup_free_ char *entry = NULL, *module = NULL, *symvers = NULL;

	scratch_write("built.ko", ELF);
	scratch_write("built.symvers", "0x1 symbol");
	assert_int_equal(cache_prepare(scratch_path("cache")), 0);
	assert_int_equal(cache_make_temporary(scratch_path("cache"), &entry), 0);
	assert_true(asprintf(&module, "%s/m.ko", entry) > 0);
	assert_true(asprintf(&symvers, "%s/" CACHE_SYMVERS, entry) > 0);
	assert_int_equal(cache_take(scratch_path("built.ko"), geteuid(), module, true), 0);
	assert_int_equal(cache_take(scratch_path("built.symvers"), geteuid(), symvers, false), 0);
	assert_int_equal(cache_content(entry, "m", content), 0);
	assert_int_equal(cache_commit(scratch_path("cache"), KEY, entry), 0);
}

static int open_it(const char *content)
{
	int fd = cache_open(scratch_path("cache"), KEY, "m", content);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static void what_was_stored_is_found(void **state)
{
	char content[HASH_HEX_SIZE];

	store(content);
	assert_int_equal(open_it(content), 0);
	/* And stays when the daemon starts anew. */
	assert_int_equal(cache_prepare(scratch_path("cache")), 0);
	assert_int_equal(open_it(content), 0);
	assert_int_equal(cache_remove(scratch_path("cache"), KEY), 0);
	assert_int_equal(open_it(content), -ENOENT);
}

static void change(const char *file, int flags)
{
	int fd = open(scratch_path(file), O_WRONLY | flags);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
}

static void a_changed_module_is_not_opened(void **state)
{
	char content[HASH_HEX_SIZE];

	store(content);
	change("cache/ab/" KEY "/m.ko", O_APPEND);
	assert_int_equal(open_it(content), -EBADMSG);
}

static void a_truncated_module_is_not_opened(void **state)
{
	char content[HASH_HEX_SIZE];

	store(content);
	change("cache/ab/" KEY "/m.ko", O_TRUNC);
	assert_int_equal(open_it(content), -EBADMSG);
}

static void changed_symbols_are_noticed(void **state)
{
	char content[HASH_HEX_SIZE];

	store(content);
	change("cache/ab/" KEY "/" CACHE_SYMVERS, 0);
	assert_int_equal(open_it(content), -EBADMSG);
}

static void an_entry_is_replaced(void **state)
{
	char content[HASH_HEX_SIZE], again[HASH_HEX_SIZE];

	store(content);
	change("cache/ab/" KEY "/m.ko", O_APPEND);
	store(again);
	assert_string_equal(content, again);
	assert_int_equal(open_it(content), 0);
}

static void leftovers_go(void **state)
{
	_cleanup_free_ char *left = NULL, *file = NULL;

	assert_int_equal(cache_prepare(scratch_path("cache")), 0);
	assert_int_equal(cache_make_temporary(scratch_path("cache"), &left), 0);
	assert_true(asprintf(&file, "%s/sub", left) > 0);
	assert_int_equal(mkdir(file, 0700), 0);
	assert_int_equal(cache_prepare(scratch_path("cache")), 0);
	assert_int_equal(access(left, F_OK), -1);
}

static int take(const char *from, uid_t uid)
{
	int r = cache_take(scratch_path(from), uid, scratch_path("taken"), true);

	assert_int_equal(access(scratch_path("taken"), F_OK), r < 0 ? -1 : 0);
	return r;
}

static void only_modules_are_taken(void **state)
{
	scratch_write("text", "this is no module, whatever its name");
	scratch_write("short", "\177ELF");
	scratch_write("good", ELF);
	scratch_folder("folder");
	assert_int_equal(symlink("good", scratch_path("link")), 0);
	assert_int_equal(mkfifo(scratch_path("fifo"), 0600), 0);
	assert_int_equal(take("text", geteuid()), -ENOEXEC);
	assert_int_equal(take("short", geteuid()), -ENOEXEC);
	assert_int_equal(take("folder", geteuid()), -ENOEXEC);
	assert_int_equal(take("link", geteuid()), -ENOEXEC);
	assert_int_equal(take("fifo", geteuid()), -ENOEXEC);
	assert_int_equal(take("none", geteuid()), -ENOENT);
	assert_int_equal(take("good", geteuid() + 1), -ENOEXEC);
	assert_int_equal(take("good", geteuid()), 0);
}

static void the_hash_of_sources_is_of_names_and_contents(void **state)
{
	char hashes[4][HASH_HEX_SIZE];
	static const char *const files[][2] = { { "src/a.c", "one" },
						{ "src/a.c", "two" },
						{ "src/b.h", "" },
						{ "src/a.o", "ignored" } };

	scratch_folder("src");
	for (size_t i = 0; i < ELEMENTSOF(files); i++) {
		Hash h;

		scratch_write(files[i][0], files[i][1]);
		hash_init(&h);
		assert_int_equal(tree_hash(scratch_path("src"), &h), 0);
		hash_end(&h, hashes[i]);
	}
	assert_string_not_equal(hashes[0], hashes[1]);
	assert_string_not_equal(hashes[1], hashes[2]);
	assert_string_equal(hashes[2], hashes[3]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(what_was_stored_is_found),
		scratch_test(a_changed_module_is_not_opened),
		scratch_test(a_truncated_module_is_not_opened),
		scratch_test(changed_symbols_are_noticed),
		scratch_test(an_entry_is_replaced),
		scratch_test(leftovers_go),
		scratch_test(only_modules_are_taken),
		scratch_test(the_hash_of_sources_is_of_names_and_contents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
