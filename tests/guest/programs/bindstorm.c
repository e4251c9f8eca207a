// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * bindstorm COUNT PARALLEL POLICY CALL ERRNO
 *
 * COUNT processes, each bound by itself to the policy, execute this program again, which must find
 * that CALL fails with ERRNO, and are gone. PARALLEL at a time, each in a cgroup of its own, as
 * containers are. Prints what the storm left to count.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "probe.h"
#include "proto/varlink.h"

#define CGROUP "/sys/fs/cgroup/bindstorm"
#define SLOTS 64

struct storm {
	int parallel;
	const char *policy, *call, *errnum;
	long bound, refused, highest;
};

struct slot {
	pid_t pid;
	int go; /* the child waits for a byte here */
};

/* What is executed once bound. */
static int check(char **argv)
{
	struct call call;

	if (!call_parse(&call, WAY_NATIVE, (char *[]){ argv[0], "buf", NULL }))
		return 2;
	return call_do(&call) == -atol(argv[1]) ? 0 : 1;
}

static bool enter_cgroup(int index)
{
	_cleanup_close_ int fd = -EBADF;
	char path[128];

	snprintf(path, sizeof(path), CGROUP "/%d", index);
	mkdir(CGROUP, 0755);
	mkdir(path, 0755);
	strcat(path, "/cgroup.procs");
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, "0", 1) == 1;
}

static void leave_cgroups(int parallel)
{
	char path[128];
	int i;

	for (i = 0; i < parallel; i++) {
		snprintf(path, sizeof(path), CGROUP "/%d", i);
		rmdir(path);
	}
	rmdir(CGROUP);
}

static int start(const struct storm *storm, struct slot *slot, int index)
{
	int pipe_fds[2];
	char byte;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	slot->pid = fork();
	if (slot->pid < 0)
		return -errno;
	if (slot->pid > 0) {
		close(pipe_fds[0]);
		slot->go = pipe_fds[1];
		return 0;
	}
	close(pipe_fds[1]);
	if (!enter_cgroup(index) || read(pipe_fds[0], &byte, 1) != 1)
		_exit(3);
	execl("/proc/self/exe", "bindstorm", "--check", storm->call, storm->errnum, NULL);
	_exit(4);
}

static int bind_one(VarlinkClient *client, struct storm *storm, const struct slot *slot, long n)
{
	_cleanup_json_ json_object *parameters = json_object_new_object();
	_cleanup_varlink_reply_ VarlinkReply reply = {};
	char name[64];
	long id;
	int r;

	snprintf(name, sizeof(name), "storm-%ld", n);
	json_add_string(parameters, "container", name);
	json_add_int(parameters, "pid", slot->pid);
	json_add_string(parameters, "policy", storm->policy);
	r = varlink_client_call(client, "io.vkernel.Bind", parameters, &reply);
	if (r < 0 || reply.error) {
		fprintf(stderr, "bindstorm: bind %ld: %s\n", n, reply.error ?: strerror(-r));
		return r < 0 ? r : -EREMOTEIO;
	}
	id = json_get_int(json_get_object(reply.parameters, "instance"), "id");
	if (id > storm->highest)
		storm->highest = id;
	storm->bound++;
	return 0;
}

static void finish(struct storm *storm, struct slot *slot, bool bound)
{
	int status;

	if (bound && write(slot->go, "", 1) != 1)
		bound = false;
	close(slot->go);
	if (waitpid(slot->pid, &status, 0) == slot->pid && status == 0 && bound)
		storm->refused++;
}

static int batch(VarlinkClient *client, struct storm *storm, long n, int size)
{
	struct slot slots[SLOTS];
	bool bound[SLOTS];
	int i, r = 0;

	for (i = 0; i < size; i++) {
		r = start(storm, &slots[i], i);
		if (r < 0)
			return r;
	}
	for (i = 0; i < size; i++)
		bound[i] = bind_one(client, storm, &slots[i], n + i) >= 0;
	for (i = 0; i < size; i++)
		finish(storm, &slots[i], bound[i]);
	return r;
}

int main(int argc, char **argv)
{
	_cleanup_varlink_client_ VarlinkClient *client = NULL;
	struct storm storm = {};
	time_t begun = time(NULL);
	long count, n;

	if (argc == 4 && strcmp(argv[1], "--check") == 0)
		return check(argv + 2);
	if (argc != 6) {
		fputs("usage: bindstorm COUNT PARALLEL POLICY CALL ERRNO\n", stderr);
		return 2;
	}
	count = atol(argv[1]);
	storm.parallel = atoi(argv[2]);
	storm.policy = argv[3];
	storm.call = argv[4];
	storm.errnum = argv[5];
	if (storm.parallel < 1 || storm.parallel > SLOTS)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	if (varlink_client_connect(getenv("VKERNEL_SOCKET"), &client) < 0) {
		perror("bindstorm: vkerneld");
		return 3;
	}
	for (n = 0; n < count; n += storm.parallel)
		if (batch(client, &storm, n,
			  count - n < storm.parallel ? (int)(count - n) : storm.parallel) < 0)
			break;
	leave_cgroups(storm.parallel);
	printf("bound %ld refused %ld highest %ld seconds %ld\n", storm.bound, storm.refused,
	       storm.highest, (long)(time(NULL) - begun));
	return storm.bound == count && storm.refused == count ? 0 : 1;
}
