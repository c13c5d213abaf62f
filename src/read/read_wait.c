/* SPDX-License-Identifier: Apache-2.0 */
#include "vers3/read/read_wait.h"

#include <string.h>

#include "vers3/read/reader.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"

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
