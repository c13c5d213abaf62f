/* SPDX-License-Identifier: Apache-2.0 */
/* Those who wait for the bucket: for a key, or for all below a path. */
#include <string.h>

#include "syncer_impl.h"
#include "vers3/meta/dirty.h"

bool waiters_below(const char *key, const char *path)
{
	size_t len = strlen(path);

	return !len || (!strncmp(key, path, len) &&
			(key[len] == '/' || key[len] == '\0'));
}

void waiters_tell(struct syncer *s, const char *key, uint64_t ino,
		  uint64_t change, bool gone, int error)
{
	pthread_mutex_lock(&s->mutex);
	for (struct waiter *w = s->waiters; w; w = w->next) {
		if (w->all || w->done || strcmp(w->path, key))
			continue;
		if (error) {
			w->error = error;
			w->done = true;
		} else if (gone || (ino == w->ino && change >= w->change)) {
			w->done = true;
		}
	}
	pthread_cond_broadcast(&s->event);
	pthread_mutex_unlock(&s->mutex);
}

bool waiters_want(struct syncer *s, const struct meta_dirty *d, int64_t now)
{
	bool forced = false;

	/* One that has just failed keeps its backoff. */
	if (d->fails && d->due_ns > now)
		return false;
	pthread_mutex_lock(&s->mutex);
	for (struct waiter *w = s->waiters; w && !forced; w = w->next) {
		if (w->all)
			forced = d->seq <= w->seq &&
				 waiters_below(d->key, w->path);
		else
			forced = !w->done && !strcmp(w->path, d->key);
	}
	pthread_mutex_unlock(&s->mutex);
	return forced;
}

bool waiters_all(struct syncer *s)
{
	bool all = false;

	pthread_mutex_lock(&s->mutex);
	for (struct waiter *w = s->waiters; w; w = w->next)
		all = all || w->all;
	pthread_mutex_unlock(&s->mutex);
	return all;
}

void waiters_add(struct syncer *s, struct waiter *w)
{
	pthread_mutex_lock(&s->mutex);
	w->probes = s->probes;
	w->next = s->waiters;
	s->waiters = w;
	s->kicked = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->mutex);
}

void waiters_remove(struct syncer *s, struct waiter *w)
{
	struct waiter **p;

	pthread_mutex_lock(&s->mutex);
	for (p = &s->waiters; *p != w; p = &(*p)->next)
		;
	*p = w->next;
	pthread_cond_broadcast(&s->event); /* for syncer_free() */
	pthread_mutex_unlock(&s->mutex);
}
