/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a child process gives up before it touches what others wrote. They return 0 or a negative
 * errno, and a child that got one must end: it may have given up half.
 */
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

/* Signals as a program expects them; the first thing that any child does. */
void child_reset_signals(void);

int child_limit(int resource, rlim_t value);

/* Of processor time: SIGXCPU then, and SIGKILL for who does not end by that. */
int child_limit_time(unsigned int seconds);

/*
 * No privileges from here on, by no execve either, and no core. uid: of whom it has the identity
 * from now on; 0: it keeps that, but no capability.
 */
int child_become(uid_t uid, gid_t gid);

/* No sockets, and nothing that works around that. */
int child_leave_network(void);

/* The same, and it stays in its process group, and reaches no other process of its user. */
int child_leave_others(void);

/* Memory, reading and writing what is open, and the end: no other system call. No usual streams. */
int child_only_compute(void);

/*
 * As far as the kernel has Landlock: no file can be made, changed or removed but in /dev/null and
 * in
 * @path, a folder or a file, or NULL; no TCP port is bound or connected to; no process outside is
 * signalled. Behind child_become().
 */
int child_keep_files(const char *path);

/*
 * In the parent: waits for a child and the group that it may lead, of which nothing is left then.
 * seconds: on the wall. Returns 0 and the status that waitpid() gives; -ETIME if it took longer.
 */
int child_wait(pid_t pid, unsigned int seconds, int *ret_status);
