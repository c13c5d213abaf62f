/* SPDX-License-Identifier: Apache-2.0 */
/* A read that ends on whatever thread, and what has come of it. */
#ifndef VERS3_TESTS_UNIT_READ_RESULT_H
#define VERS3_TESTS_UNIT_READ_RESULT_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/uio.h>

#include "vers3/util/clock.h"

#define READ_RESULT_S 60 /* until a read that does not end has failed */

struct read_result {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	/* All below is protected by mutex. */
	bool ended;
	int error;
	char *buf; /* borrowed */
	size_t room; /* in it: the read asked for no more */
	size_t size; /* of what has come */
};

static inline void read_result_begin(struct read_result *r, void *buf,
				     size_t room)
{
	*r = (struct read_result){.buf = buf, .room = room};
	pthread_mutex_init(&r->mutex, NULL);
	clock_cond_init(&r->cond);
}

/* A vfs_read_fn, and an answer_stream_done_fn; arg: the result. */
static inline void read_result_done(void *arg, int error,
				    const struct iovec *iov, int count)
{
	struct read_result *r = arg;

	pthread_mutex_lock(&r->mutex);
	for (int i = 0; !error && i < count; i++) {
		if (iov[i].iov_len > r->room - r->size) {
			error = -EOVERFLOW;
			break;
		}
		memcpy(r->buf + r->size, iov[i].iov_base, iov[i].iov_len);
		r->size += iov[i].iov_len;
	}
	r->error = error;
	r->ended = true;
	pthread_cond_signal(&r->cond);
	pthread_mutex_unlock(&r->mutex);
}

static inline bool read_result_ended(struct read_result *r)
{
	bool ended;

	pthread_mutex_lock(&r->mutex);
	ended = r->ended;
	pthread_mutex_unlock(&r->mutex);
	return ended;
}

/* The read's error, -ETIME for one that does not end; *ret_size at 0. */
static inline int read_result_end(struct read_result *r, size_t *ret_size)
{
	int64_t until = clock_mono_ns() + READ_RESULT_S * NS_PER_S;
	int rc = 0;

	pthread_mutex_lock(&r->mutex);
	while (!r->ended && rc != -ETIMEDOUT)
		rc = clock_cond_wait_until(&r->cond, &r->mutex, until);
	rc = r->ended ? r->error : -ETIME;
	*ret_size = rc ? 0 : r->size;
	pthread_mutex_unlock(&r->mutex);
	/* Of one that has not ended somebody may use it yet. */
	if (rc == -ETIME)
		return rc;
	pthread_cond_destroy(&r->cond);
	pthread_mutex_destroy(&r->mutex);
	return rc;
}

#endif
