/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests a second that the service answers, of each call that lists something: a daemon in a
 * process of its own, with a core that only pretends (tests/unit/fake_core.h), and clients on its
 * socket. bench-api [SECONDS [CALL]] prints JSON: for each call with one connection, with several,
 * and with several that do not wait for an answer before they ask on; then the least of all. They
 * are by the daemon's own CPU clock, as others use the machine, too; by the clock on the wall the
 * least is list_rps_wall.
 */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/fake_core.h"
#include "vkerneld/build/tree.h"
#include "vkerneld/manager.h"

#define OBJECTS 10
#define CONNECTIONS 8
#define AHEAD 16

static char folder[] = "/tmp/vkernel-bench-XXXXXX";
static char socket_path[64];
static clockid_t daemon_clock;

static const char *const calls[] = { "List", "ListPolicies", "ListBuilds", "ListCache",
				     "ListModules" };

/* How many connections, and how many requests of each wait for their answers. */
typedef struct Way {
	const char *name;
	size_t connections, ahead;
} Way;

/* The best of so many rounds: what else the machine does is not the service's. */
#define ROUNDS 5

static const Way ways[] = {
	{ "one", 1, 1 },
	{ "several", CONNECTIONS, 1 },
	{ "pipelined", CONNECTIONS, AHEAD },
};

static double now(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int serve(void)
{
	const ManagerOptions options = { .socket = socket_path,
					 .state = folder,
					 .cache = folder,
					 .sources = folder,
					 .modules = folder,
					 .apparmor = folder };
	const Conf conf = { .build_user = (char *)"nobody",
			    .profile_user = (char *)"daemon",
			    .build_timeout = 1,
			    .cache_max = UINT64_MAX };
	sd_event *event;
	Manager *m;
	int r;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	fake_reset();
	r = sd_event_new(&event);
	if (r >= 0)
		r = manager_new(event, &options, &conf, &m);
	return r < 0 ? r : sd_event_loop(event);
}

static int ask(VarlinkClient *c, const char *method, const char *parameters)
{
	_cleanup_json_ json_object *p = json_tokener_parse(parameters);
	_cleanup_varlink_reply_ VarlinkReply reply = {};
	int r;

	r = varlink_client_call(c, method, p, &reply);
	if (r >= 0 && reply.error) {
		fprintf(stderr, "%s: %s\n", method, json_object_to_json_string(reply.parameters));
		r = -EIO;
	}
	return r;
}

/* Each policy is another, mapped to an image and in use by a container. */
static int fill(void)
{
	static const char add[] =
		"{\"name\":\"policy-%u\",\"images\":[\"docker.io/library/image-%u:*\"],"
		"\"profile\":\"{\\\"defaultAction\\\":\\\"SCMP_ACT_ALLOW\\\",\\\"syscalls\\\":"
		"[{\\\"names\\\":[\\\"uname\\\"],\\\"action\\\":\\\"SCMP_ACT_ERRNO\\\","
		"\\\"errnoRet\\\":%u}]}\"}";
	static const char bind[] = "{\"container\":\"container-%u\",\"pid\":1,"
				   "\"capabilities\":[\"CAP_KILL\",\"CAP_CHOWN\"],"
				   "\"image\":\"docker.io/library/image-%u:latest\"}";
	_cleanup_varlink_client_ VarlinkClient *c = NULL;
	char text[1024];
	int r = -ENOENT;

	for (int i = 0; i < 500 && r < 0; i++) {
		(void)usleep(10000);
		r = varlink_client_connect(socket_path, &c);
	}
	for (unsigned int i = 1; r >= 0 && i <= OBJECTS; i++) {
		snprintf(text, sizeof(text), add, i, i, i);
		r = ask(c, "io.vkernel.AddPolicy", text);
		snprintf(text, sizeof(text), bind, i, i);
		if (r >= 0)
			r = ask(c, "io.vkernel.Bind", text);
	}
	return r;
}

static int connect_one(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(sa.sun_path, socket_path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Sends so many requests at once. */
static bool request(int fd, const char *message, size_t size, size_t n)
{
	static char text[AHEAD * 128];

	for (size_t i = 0; i < n; i++)
		memcpy(text + i * size, message, size);
	return send(fd, text, n * size, MSG_NOSIGNAL) == (ssize_t)(n * size);
}

/* Reads what is there and asks again for each answer that it ends. */
static bool answer(int fd, const char *message, size_t size, size_t *count)
{
	static char text[256 << 10];
	ssize_t n = recv(fd, text, sizeof(text), 0);
	size_t ended = 0;

	for (const char *at = text; n > 0 && (at = memchr(at, 0, (size_t)(text + n - at))); at++)
		ended++;
	*count += ended;
	return n > 0 && (ended == 0 || request(fd, message, size, ended));
}

/* Requests a second, by each clock; 0 when something fails. */
typedef struct Rate {
	double cpu, wall;
} Rate;

static Rate measure(const Way *way, const char *call, double seconds)
{
	struct pollfd fds[CONNECTIONS];
	char message[128];
	size_t size, count = 0;
	double began, cpu, took;
	bool good = true;

	size = (size_t)snprintf(message, sizeof(message), "{\"method\":\"io.vkernel.%s\"}", call) +
	       1;
	for (size_t i = 0; i < way->connections; i++) {
		fds[i] = (struct pollfd){ .fd = connect_one(), .events = POLLIN };
		good = good && fds[i].fd >= 0 && request(fds[i].fd, message, size, way->ahead);
	}
	cpu = now(daemon_clock);
	began = now(CLOCK_MONOTONIC);
	while (good && (took = now(CLOCK_MONOTONIC) - began) < seconds) {
		good = poll(fds, way->connections, 10000) > 0;
		for (size_t i = 0; good && i < way->connections; i++)
			if (fds[i].revents)
				good = answer(fds[i].fd, message, size, &count);
	}
	cpu = now(daemon_clock) - cpu;
	for (size_t i = 0; i < way->connections; i++)
		close(fds[i].fd);
	return good ? (Rate){ (double)count / cpu, (double)count / took } : (Rate){};
}

static double better(double a, double b)
{
	return a > b ? a : b;
}

static double worse(double a, double b)
{
	return a > 0 && a < b ? a : b;
}

static Rate measure_best(const Way *way, const char *call, double seconds)
{
	Rate best = {};

	for (int i = 0; i < ROUNDS; i++) {
		Rate rate = measure(way, call, seconds / ROUNDS);

		if (rate.cpu == 0)
			return rate;
		best.cpu = better(best.cpu, rate.cpu);
		best.wall = better(best.wall, rate.wall);
	}
	return best;
}

static int measure_call(const char *call, double seconds, Rate *least, json_object *part)
{
	for (size_t w = 0; w < ELEMENTSOF(ways); w++) {
		Rate rate = measure_best(&ways[w], call, seconds);

		if (rate.cpu == 0) {
			fprintf(stderr, "bench-api: %s: no answer\n", call);
			return -EIO;
		}
		least->cpu = worse(least->cpu, rate.cpu);
		least->wall = worse(least->wall, rate.wall);
		(void)json_add_int(part, ways[w].name, (int64_t)rate.cpu);
	}
	return 0;
}

/* only: a call, or NULL for all. */
static int measure_all(double seconds, const char *only)
{
	_cleanup_json_ json_object *all = json_object_new_object();
	Rate least = {};
	int r = 0;

	for (size_t c = 0; r >= 0 && c < ELEMENTSOF(calls); c++) {
		json_object *part;

		if (only && strcmp(only, calls[c]) != 0)
			continue;
		part = json_object_new_object();
		r = measure_call(calls[c], seconds, &least, part);
		(void)json_add(all, calls[c], part);
	}
	if (r < 0)
		return r;
	(void)json_add_int(all, "list_rps", (int64_t)least.cpu);
	(void)json_add_int(all, "list_rps_wall", (int64_t)least.wall);
	puts(json_object_to_json_string_ext(all, JSON_C_TO_STRING_PRETTY));
	return 0;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 1;
	pid_t daemon;
	int r;

	if (!mkdtemp(folder))
		return EXIT_FAILURE;
	snprintf(socket_path, sizeof(socket_path), "%s/socket", folder);
	daemon = fork();
	if (daemon == 0)
		_exit(serve() < 0);
	r = clock_getcpuclockid(daemon, &daemon_clock) == 0 ? fill() : -ESRCH;
	if (r >= 0)
		r = measure_all(seconds, argc > 2 ? argv[2] : NULL);
	if (r < 0)
		fprintf(stderr, "bench-api: %s\n", strerror(-r));
	(void)kill(daemon, SIGKILL);
	(void)waitpid(daemon, NULL, 0);
	(void)tree_remove(folder);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
