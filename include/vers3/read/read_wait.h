/* SPDX-License-Identifier: Apache-2.0 */
/* A thread waits for a read that another may end. */
#ifndef VERS3_READ_READ_WAIT_H
#define VERS3_READ_READ_WAIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

struct reader;

/* On the stack of who waits. */
struct read_wait {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	/* All below is protected by mutex. */
	bool ended;
	int error;
	char *buf; /* borrowed */
	size_t size; /* of what has come */
};

/* buf holds as much as is asked for. */
void read_wait_begin(struct read_wait *w, void *buf);
/* A reader_done_fn, for reader_read() and what ends like it; arg: the wait. */
void read_wait_done(void *arg, int error, const struct iovec *iov, int count);
/*
 * Waits for read_wait_done(), whose error it returns; given up when the
 * thread's cancel is set (reader_give_up()). *ret_size is what has come, also
 * after an error. Not from a done().
 */
int read_wait_end(struct read_wait *w, struct reader *r, size_t *ret_size);

#endif
