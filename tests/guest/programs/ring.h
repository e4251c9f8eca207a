/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* io_uring without its library: one request at a time. */
#pragma once

#include <linux/io_uring.h>
#include <stdbool.h>

struct ring {
	int fd;
	unsigned int *head, *tail, *mask, *array, *flags;
	unsigned int *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *entries;
	struct io_uring_cqe *done;
};

/* What io_uring_setup() gives; @flags are IORING_SETUP_*. */
long ring_setup(unsigned int flags, struct io_uring_params *params);

bool ring_map(struct ring *ring, const struct io_uring_params *params);

/* The request that goes next, zeroed; ring_submit() hands it over. */
struct io_uring_sqe *ring_entry(struct ring *ring);
long ring_submit(struct ring *ring, bool polled);

/* Waits 5 seconds at most for the result. */
bool ring_collect(struct ring *ring, int *ret);
