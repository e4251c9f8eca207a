/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <elf.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "vkerneld/build/hash.h"
#include "vkerneld/build/toolchain.h"

#define NOTES_MAX (1u << 20)
#define BUILD_ID_MAX 64

void host_done(Host *h)
{
	free(h->release);
	free(h->build_id);
	free(h->boot);
	*h = (Host){};
}

static int read_line(const char *path, char **ret)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	if (!f)
		return -errno;
	if (getline(&line, &size, f) < 0)
		return -EIO;
	line[strcspn(line, "\n")] = 0;
	*ret = TAKE_PTR(line);
	return 0;
}

static size_t align4(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

/* Notes follow each other: a header, the owner's name and the content, each padded to four bytes.
 */
static int find_build_id(const char *notes, size_t size, char **ret)
{
	Elf64_Nhdr h;

	for (size_t at = 0; at + sizeof(h) <= size;) {
		size_t name = at + sizeof(h), desc;

		memcpy(&h, notes + at, sizeof(h));
		if (h.n_namesz > size || h.n_descsz > size)
			break;
		desc = name + align4(h.n_namesz);
		if (desc + h.n_descsz > size)
			break;
		if (h.n_type == NT_GNU_BUILD_ID && h.n_namesz == 4 && h.n_descsz <= BUILD_ID_MAX &&
		    memcmp(notes + name, "GNU", 4) == 0) {
			*ret = malloc(2 * h.n_descsz + 1);
			if (!*ret)
				return -ENOMEM;
			hex_encode(notes + desc, h.n_descsz, *ret);
			return 0;
		}
		at = desc + align4(h.n_descsz);
	}
	return -ENODATA;
}

int host_build_id(const char *path, char **ret)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	_cleanup_free_ char *notes = malloc(NOTES_MAX);
	size_t size;

	if (!f)
		return -errno;
	if (!notes)
		return -ENOMEM;
	size = fread(notes, 1, NOTES_MAX, f);
	return find_build_id(notes, size, ret);
}

int host_read(Host *ret)
{
	struct utsname uts;
	Host h = {};
	int r = 0;

	if (uname(&uts) < 0)
		return -errno;
	h.release = strdup(uts.release);
	if (!h.release)
		r = -ENOMEM;
	if (r >= 0)
		r = read_line("/proc/sys/kernel/random/boot_id", &h.boot);
	/* A kernel without one is told from others by its version line. */
	if (r >= 0 && host_build_id("/sys/kernel/notes", &h.build_id) < 0)
		r = (h.build_id = strdup(uts.version)) ? 0 : -ENOMEM;
	if (r < 0) {
		host_done(&h);
		return r;
	}
	*ret = h;
	return 0;
}

void toolchain_done(Toolchain *t)
{
	free(t->headers);
	free(t->cc);
	free(t->make);
	free(t->cc_version);
	*t = (Toolchain){};
}

static FILE *open_config(const Toolchain *t)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/include/config/auto.conf", t->headers) < 0)
		return NULL;
	return fopen(path, "re");
}

/* What follows CONFIG_name=, to be freed. */
static char *config_value(const Toolchain *t, const char *name)
{
	_cleanup_fclose_ FILE *f = open_config(t);
	_cleanup_free_ char *line = NULL;
	size_t size = 0, n = strlen(name);

	while (f && getline(&line, &size, f) >= 0) {
		line[strcspn(line, "\n")] = 0;
		if (strncmp(line, "CONFIG_", 7) == 0 && strncmp(line + 7, name, n) == 0 &&
		    line[7 + n] == '=')
			return strdup(line + 8 + n);
	}
	return NULL;
}

bool toolchain_config(const Toolchain *t, const char *name)
{
	_cleanup_free_ char *value = config_value(t, name);

	return value && strcmp(value, "y") == 0;
}

char *toolchain_config_string(const Toolchain *t, const char *name)
{
	_cleanup_free_ char *value = config_value(t, name);
	size_t n = value ? strlen(value) : 0;

	if (n < 2 || value[0] != '"' || value[n - 1] != '"')
		return NULL;
	return strndup(value + 1, n - 2);
}

/* NULL when it is in no folder of the path. */
static char *find_program(const char *path, const char *name)
{
	while (*path) {
		size_t n = strcspn(path, ":");
		_cleanup_free_ char *candidate = NULL;

		if (asprintf(&candidate, "%.*s/%s", (int)n, path, name) < 0)
			return NULL;
		if (access(candidate, X_OK) == 0)
			return TAKE_PTR(candidate);
		path += n + (path[n] == ':');
	}
	return NULL;
}

/* "x86_64-linux-gnu-gcc-14 (Debian 14.2.0-19) 14.2.0": the program, and the digits behind it all.
 */
static char *find_configured(const char *path, const char *text)
{
	_cleanup_free_ char *name = strndup(text, strcspn(text, " "));
	const char *last = strrchr(text, ' ');
	char versioned[32];
	char *found;

	if (!name)
		return NULL;
	found = strchr(name, '/') ? NULL : find_program(path, name);
	if (found || !last || !isdigit((unsigned char)last[1]))
		return found;
	snprintf(versioned, sizeof(versioned), "gcc-%d", atoi(last + 1));
	return find_program(path, versioned);
}

static char *find_compiler(const Toolchain *t, const char *path)
{
	static const char *const names[] = { "gcc-14", "gcc" };
	_cleanup_free_ char *text = toolchain_config_string(t, "CC_VERSION_TEXT");
	char *found = text ? find_configured(path, text) : NULL;

	for (size_t i = 0; !found && i < ELEMENTSOF(names); i++)
		found = find_program(path, names[i]);
	return found;
}

static int spawn_reader(const char *program, FILE **ret, pid_t *ret_pid)
{
	char *const argv[] = { (char *)program, (char *)"--version", NULL };
	char *const env[] = { (char *)"LC_ALL=C", (char *)"PATH=/usr/bin:/bin", NULL };
	posix_spawn_file_actions_t actions;
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	r = posix_spawn_file_actions_init(&actions);
	if (r == 0) {
		posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
		r = posix_spawn(ret_pid, program, &actions, NULL, argv, env);
		posix_spawn_file_actions_destroy(&actions);
	}
	close(fds[1]);
	if (r != 0) {
		close(fds[0]);
		return -r;
	}
	*ret = fdopen(fds[0], "r");
	return 0;
}

static int compiler_version(const char *cc, char **ret)
{
	_cleanup_fclose_ FILE *f = NULL;
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	pid_t pid;
	int r, status;

	r = spawn_reader(cc, &f, &pid);
	if (r < 0)
		return r;
	r = f && getline(&line, &size, f) > 0 ? 0 : -EIO;
	if (f)
		fclose(TAKE_PTR(f));
	if (waitpid(pid, &status, 0) < 0 || r < 0)
		return -EIO;
	line[strcspn(line, "\n")] = 0;
	*ret = TAKE_PTR(line);
	return 0;
}

static int find_headers(const char *modules, const char *release, Toolchain *t, Failure *f)
{
	_cleanup_free_ char *makefile = NULL, *hint = NULL;

	if (asprintf(&t->headers, "%s/%s/build", modules, release) < 0) {
		t->headers = NULL;
		return -ENOMEM;
	}
	if (asprintf(&makefile, "%s/Makefile", t->headers) < 0 ||
	    asprintf(&hint, "install them: apt-get install linux-headers-%s", release) < 0)
		return -ENOMEM;
	if (access(makefile, R_OK) < 0)
		return fail(f, -ENOENT, ERROR_KERNEL_MISSING, hint,
			    "the headers of the running kernel are missing: no %s", t->headers);
	return 0;
}

static int find_tools(const char *path, Toolchain *t, Failure *f)
{
	t->make = find_program(path, "make");
	if (!t->make)
		return fail(f, -ENOENT, ERROR_BUILD_FAILED, "apt-get install make",
			    "make is not installed");
	t->cc = find_compiler(t, path);
	if (!t->cc) {
		_cleanup_free_ char *text = toolchain_config_string(t, "CC_VERSION_TEXT");

		return fail(f, -ENOENT, ERROR_BUILD_FAILED, "apt-get install gcc",
			    "there is no C compiler; the kernel was built by %s",
			    text ? text : "gcc");
	}
	if (compiler_version(t->cc, &t->cc_version) < 0)
		return fail(f, -EIO, ERROR_BUILD_FAILED, "apt-get install --reinstall gcc",
			    "'%s --version' does not work", t->cc);
	return 0;
}

int toolchain_find(const char *modules, const char *path, const char *release, Toolchain *ret,
		   Failure *f)
{
	_cleanup_toolchain_ Toolchain t = {};
	int r;

	r = find_headers(modules, release, &t, f);
	if (r >= 0)
		r = find_tools(path, &t, f);
	if (r < 0)
		return fail_errno(f, r, "looking for compiler and headers");
	*ret = t;
	t = (Toolchain){};
	return 0;
}
