// SPDX-License-Identifier: LGPL-2.1-or-later
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "proto/varlink.h"
#include "vkctl/lowlevel.h"

/* Engines start runtimes with whatever path they have. */
static const char *const folders[] = {
	"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
};

static bool is_good(const char *path, const struct stat *self)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0 &&
	       !(st.st_dev == self->st_dev && st.st_ino == self->st_ino);
}

static int find_name(const char *name, int length, const struct stat *self, char **ret)
{
	for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/%.*s", folders[i], length, name) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		if (is_good(path, self)) {
			*ret = TAKE_PTR(path);
			return 0;
		}
	}
	return -ENOENT;
}

static int find_path(const char *path, int length, const struct stat *self, char **ret)
{
	_cleanup_free_ char *copy = strndup(path, (size_t)length);

	if (!copy)
		return -ENOMEM;
	if (!is_good(copy, self))
		return -ENOENT;
	*ret = TAKE_PTR(copy);
	return 0;
}

int lowlevel_find(const char *names, char **ret, struct failure *failure)
{
	struct stat self = {};
	int length, r;

	(void)stat("/proc/self/exe", &self);
	for (const char *at = names + strspn(names, " \t"); *at;
	     at += length + (int)strspn(at + length, " \t")) {
		length = (int)strcspn(at, " \t");
		r = *at == '/' ? find_path(at, length, &self, ret)
			       : find_name(at, length, &self, ret);
		if (r != -ENOENT)
			return r;
	}
	return failure_set(failure, STATUS_FAILED,
			   "install one of them, or set Runtimes= in /etc/vkernel/vkernel.conf",
			   "there is no container runtime to start: looked for %s", names);
}

int lowlevel_become(const char *path, char **argv)
{
	argv[0] = (char *)path;
	execv(path, argv);
	return -errno;
}

static int line_json(const char *message, const char *when, char **ret)
{
	_cleanup_json_ json_object *line = json_object_new_object();
	int r = line ? json_add_string(line, "level", "error") : -ENOMEM;

	if (r >= 0)
		r = json_add_string(line, "msg", message);
	if (r >= 0)
		r = json_add_string(line, "time", when);
	if (r < 0)
		return r;
	return asprintf(ret, "%s\n",
			json_object_to_json_string_ext(
				line, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

static int line_text(const char *message, const char *when, char **ret)
{
	_cleanup_json_ json_object *quoted = json_object_new_string(message);

	if (!quoted)
		return -ENOMEM;
	return asprintf(ret, "time=\"%s\" level=error msg=%s\n", when,
			json_object_to_json_string_ext(quoted, JSON_C_TO_STRING_NOSLASHESCAPE));
}

void lowlevel_log(const char *log, const char *format, const char *message)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *line = NULL;
	const time_t now = time(NULL);
	char when[32] = "";
	struct tm tm;
	int n;

	/* crun's other kinds of logs; the journal has the message already. */
	if (!log || strncmp(log, "journald:", 9) == 0 || strncmp(log, "syslog:", 7) == 0)
		return;
	if (strncmp(log, "file:", 5) == 0)
		log += 5;
	if (gmtime_r(&now, &tm))
		strftime(when, sizeof(when), "%FT%TZ", &tm);
	n = format && strcmp(format, "json") == 0 ? line_json(message, when, &line)
						  : line_text(message, when, &line);
	fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
	if (n >= 0 && fd >= 0 && write(fd, line, (size_t)n) < 0)
		perror(log);
}
