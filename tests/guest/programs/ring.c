// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"
#include "ring.h"

long ring_setup(unsigned int flags, struct io_uring_params *params)
{
	memset(params, 0, sizeof(*params));
	params->flags = flags;
	params->sq_thread_idle = 100;
	return raw_call(__NR_io_uring_setup, 4, (long)params, 0, 0, 0, 0);
}

bool ring_map(struct ring *ring, const struct io_uring_params *p)
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

struct io_uring_sqe *ring_entry(struct ring *ring)
{
	struct io_uring_sqe *entry = &ring->entries[*ring->tail & *ring->mask];

	memset(entry, 0, sizeof(*entry));
	return entry;
}

long ring_submit(struct ring *ring, bool polled)
{
	unsigned int tail = *ring->tail, index = tail & *ring->mask;

	ring->array[index] = index;
	__atomic_store_n(ring->tail, tail + 1, __ATOMIC_RELEASE);
	return raw_call(__NR_io_uring_enter, ring->fd, 1, 0, polled ? IORING_ENTER_SQ_WAKEUP : 0, 0,
			0);
}

bool ring_collect(struct ring *ring, int *ret)
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
