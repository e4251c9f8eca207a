// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * everycall native|int80
 *
 * Makes every system call of a table, and numbers beyond it, with zeros for arguments and with all
 * their bits set, so that little comes of it. Each is made by a child of its own, and a line says
 * what became of it. It is for containers without privileges: others would reboot, or hang up.
 */
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

#define NUMBERS 512
#define MILLISECONDS 10000
#define MILLISECONDS_ASLEEP 300

static const struct {
	const char *name;
	long argument;
} fillings[] = {
	{ "zeros", 0 },
	{ "ones", -1 },
};

/* Those that wait for ever; a deadline for all would be too short for some. */
static const char *const sleeping[] = {
	"pause", "select",	 "_newselect", "pselect6", "pselect6_time64",
	"ppoll", "ppoll_time64", "sigsuspend", "msgrcv",   NULL,
};

/* Those that return twice. */
static const char *const forking[] = { "fork", "vfork", "clone", NULL };

/* One takes as long as the disks do; the others return to wherever the stack says. */
static const char *const left_out[] = { "sync", "sigreturn", "rt_sigreturn", NULL };

static bool is_one_of(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

/* The other process ends before it touches the stack, which may be the same. */
static long fork_native(long nr, long argument)
{
	register long r10 __asm__("r10") = argument;
	register long r8 __asm__("r8") = argument;
	long returned;

	__asm__ volatile("syscall\n"
			 "	test %%rax, %%rax\n"
			 "	jnz 1f\n"
			 "	mov $60, %%eax\n"
			 "	xor %%edi, %%edi\n"
			 "	syscall\n"
			 "1:"
			 : "=a"(returned)
			 : "a"(nr), "D"(argument), "S"(argument), "d"(argument), "r"(r10), "r"(r8)
			 : "memory", "rcx", "r11");
	return returned;
}

static long fork_int80(long nr, long argument)
{
	int returned;

	__asm__ volatile("int $0x80\n"
			 "	test %%eax, %%eax\n"
			 "	jnz 1f\n"
			 "	mov $1, %%eax\n"
			 "	xor %%ebx, %%ebx\n"
			 "	int $0x80\n"
			 "1:"
			 : "=a"(returned)
			 : "a"(nr), "b"(argument), "c"(argument), "d"(argument), "S"(argument),
			   "D"(argument)
			 : "memory", "r8", "r9", "r10", "r11");
	return returned;
}

static long make(enum way way, long nr, const char *name, long a)
{
	const struct call call = { .way = way, .nr = nr, .args = { a, a, a, a, a, a } };

	if (!is_one_of(name, forking))
		return call_do(&call);
	return way == WAY_INT80 ? fork_int80(nr, a) : fork_native(nr, a);
}

static void say_end(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		exit(2);
	if (WIFSIGNALED(status))
		printf("killed by %d\n", WTERMSIG(status));
	else
		printf("exited with %d\n", WEXITSTATUS(status));
}

static void say_returned(long returned)
{
	if (returned < 0 && returned >= -4095)
		printf("errno %ld\n", -returned);
	else
		puts("ok");
}

static void watch(pid_t pid, int fd, int milliseconds)
{
	struct pollfd polled = { .fd = fd, .events = POLLIN };
	const bool told = poll(&polled, 1, milliseconds) > 0;
	long returned;

	if (told && read(fd, &returned, sizeof(returned)) != sizeof(returned)) {
		say_end(pid);
		return;
	}
	if (told)
		say_returned(returned);
	else
		puts("no return");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void attempt(enum way way, long nr, const char *name, long argument)
{
	int fds[2];
	pid_t pid;

	fflush(stdout);
	if (pipe(fds) < 0)
		exit(2);
	pid = fork();
	if (pid < 0)
		exit(2);
	if (pid == 0) {
		long returned = make(way, nr, name, argument);

		_exit(write(fds[1], &returned, sizeof(returned)) != sizeof(returned));
	}
	close(fds[1]);
	watch(pid, fds[0], is_one_of(name, sleeping) ? MILLISECONDS_ASLEEP : MILLISECONDS);
	close(fds[0]);
}

static void attempt_each(enum way way, uint32_t arch)
{
	for (long nr = 0; nr < NUMBERS; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(arch, nr);
		size_t i;

		for (i = 0; i < sizeof(fillings) / sizeof(fillings[0]); i++) {
			if (is_one_of(name ?: "", left_out))
				continue;
			printf("%ld %s %s -> ", nr, name ?: "-", fillings[i].name);
			attempt(way, nr, name ?: "", fillings[i].argument);
		}
		free(name);
	}
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "native") == 0)
		attempt_each(WAY_NATIVE, SCMP_ARCH_X86_64);
	else if (argc == 2 && strcmp(argv[1], "int80") == 0)
		attempt_each(WAY_INT80, SCMP_ARCH_X86);
	else {
		fputs("usage: everycall native|int80\n", stderr);
		return 2;
	}
	return 0;
}
