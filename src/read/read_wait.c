/* SPDX-License-Identifier: Apache-2.0 */
/* Owns nothing: how a thread waits for reads, one or many in a row. */
#include "vers3/read/read_wait.h"

#include <errno.h>
#include <string.h>

#include "fetch.h"
#include "vers3/read/reader.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/minmax.h"

void read_wait_begin(struct read_wait *w, void *buf)
{
	*w = (struct read_wait){.buf = buf};
	pthread_mutex_init(&w->mutex, NULL);
	clock_cond_init(&w->cond);
}

void read_wait_done(void *arg, int error, const struct iovec *iov, int count)
{
	struct read_wait *w = arg;

	pthread_mutex_lock(&w->mutex);
	for (int i = 0; !error && i < count; i++) {
		memcpy(w->buf + w->size, iov[i].iov_base, iov[i].iov_len);
		w->size += iov[i].iov_len;
	}
	w->error = error;
	w->ended = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->mutex);
}

int read_wait_end(struct read_wait *w, struct reader *r, size_t *ret_size)
{
	pthread_mutex_lock(&w->mutex);
	while (!w->ended) {
		if (!cancel_wait(&w->cond, &w->mutex))
			continue;
		/* The read has the buffer: it has to end before the wait. */
		pthread_mutex_unlock(&w->mutex);
		reader_give_up(r);
		pthread_mutex_lock(&w->mutex);
		if (!w->ended)
			clock_cond_wait_until(
				&w->cond, &w->mutex,
				clock_mono_ns() + CANCEL_POLL_MS * NS_PER_MS);
	}
	pthread_mutex_unlock(&w->mutex);
	pthread_cond_destroy(&w->cond);
	pthread_mutex_destroy(&w->mutex);
	*ret_size = w->size;
	return w->error;
}

int reader_read_sync(struct reader *r, const struct meta_version *version,
		     uint64_t offset, void *buf, size_t size)
{
	struct read_wait w;
	char *at = buf;
	int rc = 0;

	while (size && !rc) {
		/* In runs, each of which is one GET at most. */
		size_t want = min_u64(size, FETCH_RUN_BYTES -
						    offset % FETCH_RUN_BYTES);
		size_t got;

		read_wait_begin(&w, at);
		reader_read(r, version, NULL, offset, want, read_wait_done, &w);
		rc = read_wait_end(&w, r, &got);
		if (!rc && got != want)
			rc = -EIO;
		at += want;
		offset += want;
		size -= want;
	}
	return rc;
}
