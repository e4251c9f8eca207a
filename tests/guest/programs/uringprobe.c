// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * uringprobe [--sqpoll] [--async] openat|mkdirat PATH
 *
 * Asks for a file through io_uring, whose requests are no system calls: --async makes a worker do
 * it, --sqpoll a thread of the kernel's fetch it. Prints how each step came out.
 */
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"

struct ring {
	int fd;
	unsigned int *head, *tail, *mask, *array, *flags;
	unsigned int *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *entries;
	struct io_uring_cqe *done;
};

static long setup(unsigned int flags, struct io_uring_params *params)
{
	memset(params, 0, sizeof(*params));
	params->flags = flags;
	params->sq_thread_idle = 100;
	return raw_call(__NR_io_uring_setup, 4, (long)params, 0, 0, 0, 0);
}

static bool map(struct ring *ring, const struct io_uring_params *p)
{
	size_t sq = p->sq_off.array + p->sq_entries * sizeof(unsigned int);
	size_t cq = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	char *s, *c;

	s = mmap(NULL, sq, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
	c = mmap(NULL, cq, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_CQ_RING);
	ring->entries = mmap(NULL, p->sq_entries * sizeof(struct io_uring_sqe),
			     PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQES);
	if (s == MAP_FAILED || c == MAP_FAILED || ring->entries == MAP_FAILED)
		return false;
	ring->head = (void *)(s + p->sq_off.head);
	ring->tail = (void *)(s + p->sq_off.tail);
	ring->mask = (void *)(s + p->sq_off.ring_mask);
	ring->array = (void *)(s + p->sq_off.array);
	ring->flags = (void *)(s + p->sq_off.flags);
	ring->cq_head = (void *)(c + p->cq_off.head);
	ring->cq_tail = (void *)(c + p->cq_off.tail);
	ring->cq_mask = (void *)(c + p->cq_off.ring_mask);
	ring->done = (void *)(c + p->cq_off.cqes);
	return true;
}

static void queue(struct ring *ring, bool async, const char *operation, const char *path)
{
	unsigned int tail = *ring->tail, index = tail & *ring->mask;
	struct io_uring_sqe *entry = &ring->entries[index];

	memset(entry, 0, sizeof(*entry));
	entry->opcode = strcmp(operation, "mkdirat") == 0 ? IORING_OP_MKDIRAT : IORING_OP_OPENAT;
	entry->flags = async ? IOSQE_ASYNC : 0;
	entry->fd = AT_FDCWD;
	entry->addr = (uintptr_t)path;
	entry->len = entry->opcode == IORING_OP_MKDIRAT ? 0700 : 0;
	ring->array[index] = index;
	__atomic_store_n(ring->tail, tail + 1, __ATOMIC_RELEASE);
}

static bool collect(struct ring *ring, int *ret)
{
	unsigned int tries;

	for (tries = 0; tries < 500; tries++) {
		unsigned int head = *ring->cq_head;

		if (head != __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE)) {
			*ret = ring->done[head & *ring->cq_mask].res;
			return true;
		}
		usleep(10000);
	}
	return false;
}

static int usage(void)
{
	fputs("usage: uringprobe [--sqpoll] [--async] openat|mkdirat PATH\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	struct io_uring_params params;
	struct ring ring = {};
	unsigned int flags = 0;
	bool async = false;
	long returned;
	int result;

	for (argv++; *argv && **argv == '-'; argv++) {
		if (strcmp(*argv, "--sqpoll") == 0)
			flags |= IORING_SETUP_SQPOLL;
		else if (strcmp(*argv, "--async") == 0)
			async = true;
		else
			return usage();
	}
	if (!argv[0] || !argv[1])
		return usage();
	returned = setup(flags, &params);
	fputs("setup ", stdout);
	call_print(returned < 0 ? returned : 0);
	if (returned < 0)
		return 0;
	ring.fd = (int)returned;
	if (!map(&ring, &params))
		return 2;
	queue(&ring, async, argv[0], argv[1]);
	returned = raw_call(__NR_io_uring_enter, ring.fd, 1, 0, flags ? IORING_ENTER_SQ_WAKEUP : 0,
			    0, 0);
	fputs("enter ", stdout);
	call_print(returned < 0 ? returned : 0);
	if (returned < 0 || !collect(&ring, &result))
		return returned < 0 ? 0 : 2;
	fputs("result ", stdout);
	call_print(result < 0 ? result : 0);
	return 0;
}
