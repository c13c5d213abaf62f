/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipe without descriptors. The mutex is a leaf: reads that have ended are
 * taken off the list with it held, and told without it.
 */
#include "vers3/util/answer_stream.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "vers3/util/buf.h"
#include "vers3/util/clock.h"

/* A read that waits, or what it has come to. */
struct pending {
	STAILQ_ENTRY(pending) entry;
	answer_stream_done_fn done;
	void *arg;
	struct cancel *cancel; /* borrowed until it is told */
	size_t size;
	int error;
	struct iovec iov; /* owned */
};

STAILQ_HEAD(pending_list, pending);

struct answer_stream {
	atomic_uint refs;
	struct cancel cancel;
	char why[ANSWER_WHY_MAX]; /* the writer's own */
	int64_t told_ns; /* likewise: of the last progress, or the beginning */

	pthread_mutex_t mutex; /* protects the rest */
	pthread_cond_t room; /* something was read, or nobody wants it */
	struct buf text;
	size_t start; /* of what is unread in text */
	bool ended;
	int rc; /* then */
	struct pending_list reads; /* owned, in their order */
};

int answer_stream_new(struct cancel *outer, struct answer_stream **ret_stream)
{
	struct answer_stream *a = calloc(1, sizeof(*a));
	int rc;

	if (!a)
		return -ENOMEM;
	rc = clock_cond_init(&a->room);
	if (rc) {
		free(a);
		return rc;
	}
	atomic_init(&a->refs, 1);
	a->told_ns = clock_mono_ns();
	cancel_init(&a->cancel, outer);
	pthread_mutex_init(&a->mutex, NULL);
	/* What was read goes when room is needed: both are there for a time. */
	buf_init(&a->text, 2 * ANSWER_UNREAD_MAX);
	STAILQ_INIT(&a->reads);
	*ret_stream = a;
	return 0;
}

struct answer_stream *answer_stream_ref(struct answer_stream *a)
{
	atomic_fetch_add(&a->refs, 1);
	return a;
}

void answer_stream_unref(struct answer_stream *a)
{
	if (!a || atomic_fetch_sub(&a->refs, 1) > 1)
		return;
	buf_release(&a->text);
	pthread_cond_destroy(&a->room);
	pthread_mutex_destroy(&a->mutex);
	free(a);
}

static size_t unread(const struct answer_stream *a)
{
	return a->text.len - a->start;
}

/* The read gets what there is. With the mutex held. */
static void give_text(struct answer_stream *a, struct pending *p)
{
	size_t size = unread(a) < p->size ? unread(a) : p->size;

	p->iov.iov_base = malloc(size ? size : 1);
	if (!p->iov.iov_base) {
		p->error = -ENOMEM;
		return;
	}
	memcpy(p->iov.iov_base, a->text.data + a->start, size);
	p->iov.iov_len = size;
	a->start += size;
	if (!unread(a)) {
		buf_reset(&a->text);
		a->start = 0;
	}
	pthread_cond_signal(&a->room);
}

/* Moves what can be told to ended. With the mutex held. */
static void serve(struct answer_stream *a, struct pending_list *ended)
{
	struct pending *p;

	while ((p = STAILQ_FIRST(&a->reads)) && (unread(a) || a->ended)) {
		STAILQ_REMOVE_HEAD(&a->reads, entry);
		if (unread(a) || !a->rc)
			give_text(a, p);
		else
			p->error = a->rc;
		STAILQ_INSERT_TAIL(ended, p, entry);
	}
}

/* Without the mutex. */
static void tell(struct pending_list *ended)
{
	struct pending *p;

	while ((p = STAILQ_FIRST(ended))) {
		STAILQ_REMOVE_HEAD(ended, entry);
		p->done(p->arg, p->error, &p->iov, p->error ? 0 : 1);
		free(p->iov.iov_base);
		free(p);
	}
}

/* Makes room for len bytes more where there is none. With the mutex held. */
static void drop_read(struct answer_stream *a, size_t len)
{
	if (len <= a->text.max - a->text.len)
		return;
	memmove(a->text.data, a->text.data + a->start, unread(a));
	a->text.len -= a->start;
	a->text.data[a->text.len] = '\0';
	a->start = 0;
}

int answer_stream_add(struct answer_stream *a, const void *text, size_t len)
{
	struct pending_list ended = STAILQ_HEAD_INITIALIZER(ended);
	int rc = len > ANSWER_UNREAD_MAX ? -EFBIG : 0;

	pthread_mutex_lock(&a->mutex);
	while (!rc && !cancel_is_set(&a->cancel) && unread(a) &&
	       len > ANSWER_UNREAD_MAX - unread(a))
		rc = cancel_wait(&a->room, &a->mutex);
	if (!rc && cancel_is_set(&a->cancel))
		rc = -EINTR;
	if (!rc) {
		drop_read(a, len);
		rc = buf_add(&a->text, text, len);
	}
	serve(a, &ended);
	pthread_mutex_unlock(&a->mutex);
	tell(&ended);
	return rc;
}

int answer_stream_printf(struct answer_stream *a, const char *fmt, ...)
{
	struct buf line;
	va_list ap;
	int rc;

	buf_init(&line, ANSWER_UNREAD_MAX);
	va_start(ap, fmt);
	rc = buf_vprintf(&line, fmt, ap);
	va_end(ap);
	if (!rc)
		rc = answer_stream_add(a, line.data, line.len);
	buf_release(&line);
	return rc;
}

int answer_stream_progress(struct answer_stream *a, const char *fmt, ...)
{
	struct pending_list ended = STAILQ_HEAD_INITIALIZER(ended);
	int64_t now = clock_mono_ns();
	char line[256];
	va_list ap;
	size_t len;

	if (cancel_is_set(&a->cancel))
		return -EINTR;
	if (now - a->told_ns < NS_PER_S)
		return 0;
	a->told_ns = now;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	line[strcspn(line, "\n")] = '\0';
	len = strlen(line);
	pthread_mutex_lock(&a->mutex);
	if (len + 3 <= ANSWER_UNREAD_MAX - unread(a)) {
		drop_read(a, len + 3);
		/* Without memory it is left out. */
		buf_printf(&a->text, "# %s\n", line);
	}
	serve(a, &ended);
	pthread_mutex_unlock(&a->mutex);
	tell(&ended);
	return 0;
}

int answer_stream_fail(struct answer_stream *a, int rc, const char *fmt, ...)
{
	va_list ap;

	if (rc == -EINTR)
		return rc;
	va_start(ap, fmt);
	vsnprintf(a->why, sizeof(a->why), fmt, ap);
	va_end(ap);
	a->why[strcspn(a->why, "\n")] = '\0';
	answer_stream_printf(a, "%s\n", a->why);
	return rc;
}

const char *answer_stream_why(const struct answer_stream *a)
{
	return a->why;
}

void answer_stream_end(struct answer_stream *a, int rc)
{
	struct pending_list ended = STAILQ_HEAD_INITIALIZER(ended);

	pthread_mutex_lock(&a->mutex);
	if (!a->ended)
		a->rc = rc;
	a->ended = true;
	serve(a, &ended);
	pthread_mutex_unlock(&a->mutex);
	tell(&ended);
}

struct cancel *answer_stream_cancel_of(struct answer_stream *a)
{
	return &a->cancel;
}

void answer_stream_read(struct answer_stream *a, size_t size,
			answer_stream_done_fn done, void *arg)
{
	struct pending_list ended = STAILQ_HEAD_INITIALIZER(ended);
	struct pending *p = calloc(1, sizeof(*p));

	if (!p) {
		done(arg, -ENOMEM, NULL, 0);
		return;
	}
	p->done = done;
	p->arg = arg;
	p->size = size;
	p->cancel = cancel_current();
	pthread_mutex_lock(&a->mutex);
	/* Set after this look: give_up() comes after it, too, and finds it. */
	if (cancel_is_set(p->cancel)) {
		p->error = -EINTR;
		STAILQ_INSERT_TAIL(&ended, p, entry);
	} else {
		STAILQ_INSERT_TAIL(&a->reads, p, entry);
	}
	serve(a, &ended);
	pthread_mutex_unlock(&a->mutex);
	tell(&ended);
}

void answer_stream_give_up(struct answer_stream *a)
{
	struct pending_list ended = STAILQ_HEAD_INITIALIZER(ended);
	struct pending_list kept = STAILQ_HEAD_INITIALIZER(kept);
	struct pending *p;

	pthread_mutex_lock(&a->mutex);
	while ((p = STAILQ_FIRST(&a->reads))) {
		STAILQ_REMOVE_HEAD(&a->reads, entry);
		if (cancel_is_set(p->cancel)) {
			p->error = -EINTR;
			STAILQ_INSERT_TAIL(&ended, p, entry);
		} else {
			STAILQ_INSERT_TAIL(&kept, p, entry);
		}
	}
	STAILQ_CONCAT(&a->reads, &kept);
	pthread_mutex_unlock(&a->mutex);
	tell(&ended);
}

void answer_stream_cancel(struct answer_stream *a)
{
	struct pending_list ended = STAILQ_HEAD_INITIALIZER(ended);

	cancel_set(&a->cancel);
	pthread_mutex_lock(&a->mutex);
	buf_reset(&a->text);
	a->start = 0;
	a->ended = true;
	a->rc = -ECANCELED;
	serve(a, &ended);
	pthread_cond_signal(&a->room);
	pthread_mutex_unlock(&a->mutex);
	tell(&ended);
}
