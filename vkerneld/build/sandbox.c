/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "vkerneld/build/sandbox.h"
#include "vkerneld/child.h"

#define NICENESS 10
#define MEMORY_MAX (4ull << 30)
#define FILE_MAX (256ull << 20)
#define PROCESSES_MAX 512
#define FILES_MAX 1024

struct Sandbox {
	Sandbox *next;
	sd_event_source *child, *output, *timer;
	pid_t pid; /* also the process group */
	uid_t uid;
	int fd;
	char *text; /* twice the maximum, so that the tail moves seldom */
	size_t size;
	bool timed_out;
	SandboxDone done;
	void *userdata;
};

/* Those that run, of which a user may have several. */
static Sandbox *running;

static int set_limits(const SandboxSpec *spec)
{
	int r = child_limit_time(spec->timeout);

	if (r >= 0)
		r = child_limit(RLIMIT_AS, MEMORY_MAX);
	if (r >= 0)
		r = child_limit(RLIMIT_FSIZE, FILE_MAX);
	if (r >= 0)
		r = child_limit(RLIMIT_NOFILE, FILES_MAX);
	if (r >= 0 && spec->uid)
		r = child_limit(RLIMIT_NPROC, PROCESSES_MAX);
	return r;
}

/* Memory is limited last: the sanitizers have mapped terabytes by then. */
static int confine(const SandboxSpec *spec)
{
	int r = child_become(spec->uid, spec->gid);

	if (r >= 0)
		r = child_keep_files(spec->dir);
	if (r >= 0)
		r = child_leave_network();
	return r < 0 ? r : set_limits(spec);
}

static int open_streams(int out)
{
	int null = open("/dev/null", O_RDONLY);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(out, STDERR_FILENO) < 0)
		return -errno;
	return close_range(3, ~0u, 0) < 0 ? -errno : 0;
}

static void run(const SandboxSpec *spec, int out, char *const *env)
{
	child_reset_signals();
	(void)setsid();
	(void)umask(022);
	(void)setpriority(PRIO_PROCESS, 0, NICENESS);
	if (open_streams(out) < 0 || chdir(spec->dir) < 0)
		_exit(126);
	if (confine(spec) < 0)
		_exit(126);
	execve(spec->argv[0], (char *const *)spec->argv, env);
	_exit(127);
}

/* Processes that left the group are still the user's. */
static void kill_user(uid_t uid)
{
	pid_t pid;

	if (uid == 0)
		return;
	pid = fork();
	if (pid == 0) {
		if (setresuid(uid, uid, uid) < 0)
			_exit(1);
		(void)kill(-1, SIGKILL);
		_exit(0);
	}
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
}

static bool is_alone(const Sandbox *s)
{
	for (const Sandbox *o = running; o; o = o->next)
		if (o != s && o->uid == s->uid)
			return false;
	return true;
}

/* What the last one of a user finds is all that its sandboxes left. */
static void kill_tree(Sandbox *s)
{
	(void)kill(-s->pid, SIGKILL);
	if (is_alone(s))
		kill_user(s->uid);
}

static void unlink_sandbox(const Sandbox *s)
{
	Sandbox **at = &running;

	while (*at && *at != s)
		at = &(*at)->next;
	if (*at)
		*at = s->next;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	Sandbox *s = userdata;

	s->timed_out = true;
	kill_tree(s);
	return 0;
}

static void keep(Sandbox *s, const char *text, size_t n)
{
	if (s->size + n > 2 * SANDBOX_OUTPUT_MAX) {
		memmove(s->text, s->text + s->size - SANDBOX_OUTPUT_MAX, SANDBOX_OUTPUT_MAX);
		s->size = SANDBOX_OUTPUT_MAX;
	}
	memcpy(s->text + s->size, text, n);
	s->size += n;
}

/* Returns 0 when nothing is left, for now or for ever. */
static ssize_t read_some(Sandbox *s)
{
	char buffer[4096];
	ssize_t n = read(s->fd, buffer, sizeof(buffer));

	if (n > 0)
		keep(s, buffer, (size_t)n);
	return n;
}

static int on_output(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	ssize_t n = read_some(userdata);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		return sd_event_source_set_enabled(source, SD_EVENT_OFF);
	return 0;
}

/* It goes into JSON, a database and terminals: printable ASCII and lines. */
static void clean(char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((text[i] < ' ' || text[i] > '~') && text[i] != '\n' && text[i] != '\t')
			text[i] = '?';
}

static const char *finish_output(Sandbox *s)
{
	size_t skip;

	while (read_some(s) > 0)
		;
	skip = s->size > SANDBOX_OUTPUT_MAX ? s->size - SANDBOX_OUTPUT_MAX : 0;
	s->text[s->size] = 0;
	clean(s->text, s->size);
	return s->text + skip;
}

static int on_exit_of_child(sd_event_source *source, const siginfo_t *info, void *userdata)
{
	Sandbox *s = userdata;
	SandboxResult result = {
		.status = info->si_code == CLD_EXITED ? info->si_status : -info->si_status,
		.timed_out = s->timed_out,
	};

	kill_tree(s);
	result.output = finish_output(s);
	s->done(&result, s->userdata);
	s->pid = 0;
	sandbox_free(s);
	return 0;
}

static int watch(Sandbox *s, sd_event *event, unsigned int timeout)
{
	int r;

	r = sd_event_add_io(event, &s->output, s->fd, EPOLLIN, on_output, s);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &s->timer, CLOCK_MONOTONIC,
					       timeout * 1000000ull, 0, on_timeout, s);
	if (r >= 0)
		r = sd_event_add_child(event, &s->child, s->pid, WEXITED, on_exit_of_child, s);
	return r;
}

/* Kbuild stamps user, host and time into what it makes, unless told: equal input, equal bytes. */
static int make_environment(const char *dir, char *ret[static 9])
{
	static const char *const fixed[] = {
		"PATH=/usr/bin:/bin",
		"LC_ALL=C",
		"SHELL=/bin/sh",
		"KBUILD_BUILD_USER=vkernel",
		"KBUILD_BUILD_HOST=vkernel",
		"KBUILD_BUILD_TIMESTAMP=@0",
	};
	size_t n = 0;

	for (; n < ELEMENTSOF(fixed); n++)
		ret[n] = (char *)fixed[n];
	ret[n] = ret[n + 1] = ret[n + 2] = NULL;
	if (asprintf(&ret[n], "HOME=%s", dir) < 0) {
		ret[n] = NULL;
		return -ENOMEM;
	}
	if (asprintf(&ret[n + 1], "TMPDIR=%s", dir) < 0) {
		free(ret[n]);
		return -ENOMEM;
	}
	return 0;
}

static int spawn(Sandbox *s, const SandboxSpec *spec)
{
	_cleanup_close_ int in = -EBADF, out = -EBADF;
	char *env[9];
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	in = fds[0];
	out = fds[1];
	/* Only this end: programs expect to be made to wait. */
	if (fcntl(out, F_SETFL, 0) < 0)
		return -errno;
	r = make_environment(spec->dir, env);
	if (r < 0)
		return r;
	s->pid = fork();
	if (s->pid == 0)
		run(spec, out, env);
	r = s->pid < 0 ? -errno : 0;
	free(env[6]);
	free(env[7]);
	s->fd = TAKE_FD(in);
	return r;
}

int sandbox_start(sd_event *event, const SandboxSpec *spec, SandboxDone done, void *userdata,
		  Sandbox **ret)
{
	Sandbox *s = calloc(1, sizeof(*s));
	int r = 0;

	if (!s)
		return -ENOMEM;
	s->fd = -EBADF;
	s->uid = spec->uid;
	s->done = done;
	s->userdata = userdata;
	s->next = running;
	running = s;
	s->text = malloc(2 * SANDBOX_OUTPUT_MAX + 1);
	if (!s->text)
		r = -ENOMEM;
	if (r >= 0)
		r = spawn(s, spec);
	if (r >= 0)
		r = watch(s, event, spec->timeout);
	if (r < 0) {
		sandbox_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

Sandbox *sandbox_free(Sandbox *s)
{
	if (!s)
		return NULL;
	if (s->pid > 0) {
		kill_tree(s);
		/* Before setsid() there is no group yet. */
		(void)kill(s->pid, SIGKILL);
		(void)waitpid(s->pid, NULL, 0);
	}
	unlink_sandbox(s);
	sd_event_source_disable_unref(s->child);
	sd_event_source_disable_unref(s->output);
	sd_event_source_disable_unref(s->timer);
	closep(&s->fd);
	free(s->text);
	free(s);
	return NULL;
}
