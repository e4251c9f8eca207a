// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * confine_run [--apparmor PROFILE | --vkernel POLICY] [--sibling PID] LIST
 *
 * Has confine_ops do the operations of LIST under an AppArmor profile, in a virtual kernel, or under
 * neither, and prints a line for each: "NUMBER OPERATION -> RESULT".
 *
 * All of it happens in a root file system of its own, a tmpfs that is as LIST's lines with a "+" say
 * whenever an operation begins. Operations on mounts have a mount namespace, and a confined process,
 * for each.
 */
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine.h"
#include "confine_storm.h"
#include "confine_tree.h"
#include "proto/varlink.h"

#define CGROUP "/sys/fs/cgroup/confine"
#define STRANGER 1000

struct run {
	const char *apparmor, *vkernel;
	VarlinkClient *client;
	int cgroups; /* the folder of those that workers are in */
	pid_t peers[NR_PEERS];
	int lines[NR_PEERS]; /* to them, and back */
	bool sibling; /* was given, and is no child */
	struct tree *tree;
};

struct worker {
	pid_t pid;
	int in, out, socket; /* to it, from it, files to it */
	char cgroup[32];
	bool ended; /* and was waited for */
};

/* Signals do not end it, but for the one that does; each byte that it gets it gives back. */
static void be_peer(uid_t uid, int line)
{
	char byte;
	int i;

	if (dup2(line, CONFINE_SOCKET) < 0)
		_exit(3);
	close_range(CONFINE_SOCKET + 1, ~0u, 0);
	for (i = 1; i < NSIG; i++)
		signal(i, SIG_IGN);
	/* A change of user would undo the other. */
	if (setresuid(uid, uid, uid) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		_exit(3);
	while (read(CONFINE_SOCKET, &byte, 1) == 1)
		if (write(CONFINE_SOCKET, &byte, 1) != 1)
			break;
	_exit(3);
}

static pid_t make_peer(uid_t uid, int *ret_line)
{
	int lines[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, lines) < 0)
		fail("socketpair");
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0)
		be_peer(uid, lines[1]);
	close(lines[1]);
	*ret_line = lines[0];
	return pid;
}

/* Who was sent a signal may be about to die of it: it does before it answers. */
static bool peer_lives(pid_t pid, int line)
{
	struct pollfd wait = { .fd = line, .events = POLLIN };
	char byte;

	kill(pid, SIGCONT);
	while (recv(line, &byte, 1, MSG_DONTWAIT) == 1)
		;
	if (send(line, "", 1, MSG_NOSIGNAL) == 1 &&
	    (poll(&wait, 1, 1000) == 0 || recv(line, &byte, 1, 0) == 1))
		return true;
	waitpid(pid, NULL, 0);
	return false;
}

static void renew_peers(struct run *run)
{
	static const uid_t uids[NR_PEERS] = { [PEER_STRANGER] = STRANGER };
	int i;

	for (i = 0; i < NR_PEERS; i++) {
		if ((i == PEER_SIBLING && run->sibling) ||
		    (run->peers[i] && peer_lives(run->peers[i], run->lines[i])))
			continue;
		if (run->peers[i])
			close(run->lines[i]);
		run->peers[i] = make_peer(uids[i], &run->lines[i]);
	}
}

/* As a container's: mounts of its own, and nothing of the host's in sight. */
static void enter_root(void)
{
	char dir[] = "/run/confine.XXXXXX", exe[PATH_MAX], *name;
	int length = (int)readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	exe[length < 0 ? 0 : length] = '\0';
	name = strrchr(exe, '/');
	if (!name || !mkdtemp(dir))
		fail("mkdtemp");
	strcpy(name, "/confine_ops");
	if (unshare(CLONE_NEWNS | CLONE_NEWUTS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("confine", dir, "tmpfs", 0, "mode=0755") < 0 || chdir(dir) < 0)
		fail(dir);
	tree_copy_file(exe, "confine_ops");
	if (mkdir("proc", 0555) < 0 || mount("proc", "proc", "proc", 0, NULL) < 0)
		fail("proc");
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		fail("pivot_root");
}

static void enter_apparmor(const char *profile)
{
	int fd = open("/proc/self/attr/apparmor/exec", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		fd = open("/proc/self/attr/exec", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || dprintf(fd, "exec %s", profile) < 0)
		fail(profile);
}

static void make_cgroup(struct run *run, struct worker *worker)
{
	_cleanup_close_ int fd = -EBADF;
	char path[64];

	snprintf(worker->cgroup, sizeof(worker->cgroup), "%d", worker->pid);
	snprintf(path, sizeof(path), "%s/cgroup.procs", worker->cgroup);
	if (mkdirat(run->cgroups, worker->cgroup, 0755) < 0)
		fail(CGROUP);
	fd = openat(run->cgroups, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || dprintf(fd, "%d", worker->pid) < 0)
		fail(path);
}

static void enter_vkernel(struct run *run, struct worker *worker)
{
	_cleanup_json_ json_object *parameters = json_object_new_object();
	_cleanup_varlink_reply_ VarlinkReply reply = {};
	char name[64];
	int r;

	make_cgroup(run, worker);
	snprintf(name, sizeof(name), "confine-%d", worker->pid);
	json_add_string(parameters, "container", name);
	json_add_int(parameters, "pid", worker->pid);
	json_add_string(parameters, "policy", run->vkernel);
	r = varlink_client_call(run->client, "io.vkernel.Bind", parameters, &reply);
	if (r < 0 || reply.error) {
		fprintf(stderr, "confine_run: bind: %s %s\n", reply.error ?: strerror(-r),
			json_get_string(reply.parameters, "message") ?: "");
		exit(3);
	}
}

static void become_worker(const struct run *run, int go, int in, int out, int socket)
{
	char byte;

	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		_exit(3);
	if (read(go, &byte, 1) != 1 || dup2(socket, CONFINE_SOCKET) < 0)
		_exit(3);
	close_range(CONFINE_SOCKET + 1, ~0u, 0);
	/* Of this program, it ignores what a child would inherit. */
	signal(SIGPIPE, SIG_DFL);
	if (run->apparmor)
		enter_apparmor(run->apparmor);
	execl("/confine_ops", "confine_ops", NULL);
	fail("/confine_ops");
}

static void start_worker(struct run *run, struct worker *worker)
{
	int go[2], in[2], out[2], socket[2];

	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socket) < 0)
		fail("pipe");
	*worker = (struct worker){ .in = in[1], .out = out[0], .socket = socket[1] };
	worker->pid = fork();
	if (worker->pid < 0)
		fail("fork");
	if (worker->pid == 0)
		become_worker(run, go[0], in[0], out[1], socket[0]);
	close(in[0]);
	close(out[1]);
	close(socket[0]);
	close(go[0]);
	if (run->vkernel)
		enter_vkernel(run, worker);
	if (write(go[1], "", 1) != 1)
		fail("go");
	close(go[1]);
}

static void end_worker(const struct run *run, struct worker *worker)
{
	close(worker->in);
	close(worker->out);
	close(worker->socket);
	if (!worker->ended)
		waitpid(worker->pid, NULL, 0);
	if (run->vkernel)
		unlinkat(run->cgroups, worker->cgroup, AT_REMOVEDIR);
}

static int send_file(const struct worker *worker, const char *letters, const char *path)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct iovec iov = { .iov_base = (char *)"", .iov_len = 1 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	_cleanup_close_ int fd = open(path, open_flags(letters), 0644);

	if (fd < 0)
		return -1;
	control.header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
					   .cmsg_len = CMSG_LEN(sizeof(int)) };
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return (int)sendmsg(worker->socket, &message, MSG_NOSIGNAL);
}

static int write_script(const char *path, const char *interpreter)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	return fd < 0 || dprintf(fd, "#!%s\n", interpreter) < 0 ? -1 : fchmod(fd, 0755);
}

static int trace(pid_t pid)
{
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
		return -1;
	if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0 || waitpid(pid, NULL, __WALL) != pid)
		return -1;
	return (int)ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

/* What the confined process asks for; as system calls do, -1 and an errno. */
static int do_outside(const struct worker *worker, char **w, int n)
{
	if (n == 2 && strcmp(w[0], "unlink") == 0)
		return unlink(w[1]);
	if (n == 3 && strcmp(w[0], "rename") == 0)
		return rename(w[1], w[2]);
	if (n == 3 && strcmp(w[0], "link") == 0)
		return link(w[1], w[2]);
	if (n == 3 && strcmp(w[0], "symlink") == 0)
		return symlink(w[1], w[2]);
	if (n == 2 && strcmp(w[0], "mkdir") == 0)
		return mkdir(w[1], 0755);
	if (n == 3 && strcmp(w[0], "script") == 0)
		return write_script(w[1], w[2]);
	if (n == 3 && strcmp(w[0], "bind") == 0)
		return mount(w[1], w[2], NULL, MS_BIND, NULL);
	if (n == 2 && strcmp(w[0], "tmpfs") == 0)
		return mount("outside", w[1], "tmpfs", 0, NULL);
	if (n == 3 && strcmp(w[0], "send") == 0)
		return send_file(worker, w[1], w[2]);
	if (n == 3 && strcmp(w[0], "kill") == 0)
		return kill(atoi(w[2]), atoi(w[1]));
	if (n == 2 && strcmp(w[0], "trace") == 0)
		return trace(atoi(w[1]));
	if (n == 1 && strcmp(w[0], "prepare") == 0)
		return storm_prepare();
	if (n == 1 && strcmp(w[0], "storm") == 0)
		return storm_start();
	if (n == 1 && strcmp(w[0], "calm") == 0)
		return storm_stop();
	errno = ENOSYS;
	return -1;
}

/* Gives the result, which is in @line. */
static const char *ask(const struct run *run, const struct worker *worker, const char *operation,
		       char *line)
{
	char *words[CONFINE_WORDS];

	dprintf(worker->in, "%d %d %d %s\n", run->peers[PEER_OUTSIDE], run->peers[PEER_STRANGER],
		run->peers[PEER_SIBLING], operation);
	while (read_line(worker->out, line, CONFINE_LINE)) {
		if (*line == '=')
			return line + 1;
		errno = 0;
		if (do_outside(worker, words, split(line + 1, words)) >= 0)
			errno = 0;
		dprintf(worker->in, "%d\n", errno);
	}
	return "gone";
}

/* In mounts that end with it, by a confined process that does. */
static void ask_apart(struct run *run, const char *operation, long number)
{
	char line[CONFINE_LINE];
	struct worker worker;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid > 0) {
		if (waitpid(pid, &status, 0) != pid || status)
			exit(3);
		return;
	}
	if (unshare(CLONE_NEWNS) < 0)
		fail("unshare");
	start_worker(run, &worker);
	printf("%ld %s -> %s\n", number, operation, ask(run, &worker, operation, line));
	end_worker(run, &worker);
	fflush(stdout);
	/* exit() would turn the list back to where this process read it. */
	_exit(0);
}

/* A file that was sent and not taken would be the next operation's. */
static bool is_apart(const char *operation)
{
	return strncmp(operation, "mount-", 6) == 0 || strncmp(operation, "receive", 7) == 0;
}

static void perform(struct run *run, struct worker *worker, const char *operation, long number)
{
	char line[CONFINE_LINE];

	renew_peers(run);
	if (is_apart(operation))
		ask_apart(run, operation, number);
	else
		printf("%ld %s -> %s\n", number, operation, ask(run, worker, operation, line));
	tree_restore(run->tree);
}

/* One that died, as by a signal it was sent. */
static void renew_worker(struct run *run, struct worker *worker)
{
	if (waitpid(worker->pid, NULL, WNOHANG) != worker->pid)
		return;
	worker->ended = true;
	end_worker(run, worker);
	start_worker(run, worker);
}

static int run_list(struct run *run, FILE *list)
{
	char line[CONFINE_LINE];
	struct worker worker;
	long number = 0;

	start_worker(run, &worker);
	while (fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = '\0';
		if (*line == '+') {
			if (!tree_directive(run->tree, line + 1)) {
				fprintf(stderr, "confine_run: %s\n", line);
				return 2;
			}
		} else if (*line && *line != '#') {
			if (tree_changed(run->tree))
				tree_restore(run->tree);
			renew_worker(run, &worker);
			perform(run, &worker, line, ++number);
		}
	}
	end_worker(run, &worker);
	return 0;
}

static bool parse(struct run *run, int argc, char **argv)
{
	static const struct option options[] = {
		{ "apparmor", required_argument, NULL, 'a' },
		{ "vkernel", required_argument, NULL, 'v' },
		{ "sibling", required_argument, NULL, 's' },
		{},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'a')
			run->apparmor = optarg;
		else if (c == 'v')
			run->vkernel = optarg;
		else if (c == 's')
			run->peers[PEER_SIBLING] = atoi(optarg);
		else
			return false;
	}
	run->sibling = run->peers[PEER_SIBLING] > 0;
	return optind == argc - 1;
}

int main(int argc, char **argv)
{
	struct run run = { .cgroups = -1 };
	FILE *list;
	int r;

	if (!parse(&run, argc, argv)) {
		fputs("usage: confine_run [--apparmor PROFILE | --vkernel POLICY] [--sibling PID] "
		      "LIST\n",
		      stderr);
		return 2;
	}
	list = fopen(argv[optind], "re");
	if (!list)
		fail(argv[optind]);
	signal(SIGPIPE, SIG_IGN);
	if (run.vkernel) {
		mkdir(CGROUP, 0755);
		run.cgroups = open(CGROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (run.cgroups < 0)
			fail(CGROUP);
		if (varlink_client_connect(getenv("VKERNEL_SOCKET"), &run.client) < 0)
			fail("vkerneld");
	}
	setlinebuf(stdout);
	umask(0);
	renew_peers(&run);
	enter_root();
	run.tree = tree_new();
	r = run_list(&run, list);
	fclose(list);
	return r;
}
