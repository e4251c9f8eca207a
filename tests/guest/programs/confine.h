/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What confine_run, which no one confines, and confine_ops, which is confined, say to each other,
 * and what the operations of the latter share.
 *
 * To confine_ops, on its stdin, a line per operation: the pids of three other processes, then the
 * operation's words. Back, on its stdout: "?WORDS" asks for something to be done outside, answered
 * by a line with an errno; "=RESULT" ends the operation. Files come over the socket.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <sys/types.h>

#define CONFINE_SOCKET 3
#define CONFINE_LINE 4096
#define CONFINE_WORDS 16

enum peer { PEER_OUTSIDE, PEER_STRANGER, PEER_SIBLING, NR_PEERS };

/*
 * Open flags by letters: r and w, and append, create, truncate, exclusive, directory, no-follow, a
 * mere path, a nameless file.
 */
int open_flags(const char *letters);

/* Reads a line without reading on, and takes its end off. */
bool read_line(int fd, char *line, size_t size);

/* At most CONFINE_WORDS, ended by NULL; the line is cut up. */
int split(char *line, char **words);

/* Says errno, and exits. */
void fail(const char *what) __attribute__((noreturn));

/* The program of every file of the trees: it ends at once, with status 0. */
extern const unsigned char confine_program[];
extern const size_t confine_program_size;

/*
 * The rest is confine_ops's alone.
 *
 * Each operation returns 0 or a negative errno, in a process of its own that ends with it.
 */
struct operation {
	const char *name;
	int words;
	int (*run)(char **words);
};

extern const struct operation file_operations[];
extern const struct operation program_operations[];
extern const struct operation mount_operations[];
extern const struct operation peer_operations[];
extern const struct operation race_operations[];
extern const struct operation right_operations[];

int find_operation(char **words, const struct operation **ret);

/* -errno for what failed, else what there is. */
static inline long result(long r)
{
	return r < 0 ? -errno : r;
}

/* The same where success is all that there is to tell. */
static inline int outcome(long r)
{
	return r < 0 ? -errno : 0;
}

/* As result(), and should it fail, names the step in the result: "open:EACCES". */
long step(const char *name, long r);

/* What to say besides "ok". */
void remark(long long value);

/* Has something done outside; a step. */
long outside(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Of a peer's name, "self", "parent", or "child": one that is made, and ends with this process. */
pid_t target(const char *name);

/* A child that waits for this process to end; @first is done before. */
pid_t make_child(int (*first)(void *), void *argument, int *ret);
