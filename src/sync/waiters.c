/* SPDX-License-Identifier: Apache-2.0 */
/* Those who wait for the bucket: for a key, or for all below a path. */
#include <string.h>

#include "syncer_impl.h"
#include "vers3/meta/dirty.h"
#include "vers3/store/limit.h"

bool waiters_below(const char *key, const char *path)
{
	size_t len = strlen(path);

	return !len || (!strncmp(key, path, len) &&
			(key[len] == '/' || key[len] == '\0'));
}

/*
 * Those who wait for a key; inode NULL: all, else those that it is enough for.
 */
static void tell(struct syncer *s, const char *key,
		 const struct meta_inode *inode, int error)
{
	struct waiter *waiter;

	pthread_mutex_lock(&s->mutex);
	LIST_FOREACH(waiter, &s->waiters, entry) {
		if (waiter->all || waiter->done || strcmp(waiter->path, key))
			continue;
		if (inode && (inode->ino != waiter->ino ||
			      inode->change < waiter->change))
			continue;
		waiter->error = error;
		waiter->done = true;
	}
	pthread_cond_broadcast(&s->event);
	pthread_mutex_unlock(&s->mutex);
}

void waiters_tell_clean(struct syncer *s, const char *key)
{
	tell(s, key, NULL, 0);
}

void waiters_tell_saved(struct syncer *s, const char *key,
			const struct meta_inode *inode)
{
	tell(s, key, inode, 0);
}

void waiters_tell_failed(struct syncer *s, const char *key, int error)
{
	tell(s, key, NULL, error);
}

/* With the mutex held. */
static bool is_waited_for(struct syncer *s, const char *key)
{
	struct waiter *waiter;

	LIST_FOREACH(waiter, &s->waiters, entry)
		if (!waiter->all && !waiter->done && !strcmp(waiter->path, key))
			return true;
	return false;
}

void waiters_job_begins(struct syncer *s, struct syncer_job *j)
{
	urgency_cause_init(&j->cause);
	pthread_mutex_lock(&s->mutex);
	if (is_waited_for(s, j->key))
		urgency_cause_want(&j->cause);
	LIST_INSERT_HEAD(&s->running, j, entry);
	pthread_mutex_unlock(&s->mutex);
}

void waiters_job_ends(struct syncer *s, struct syncer_job *j)
{
	pthread_mutex_lock(&s->mutex);
	LIST_REMOVE(j, entry);
	pthread_mutex_unlock(&s->mutex);
}

void waiters_hurry(struct syncer *s, const char *key)
{
	struct syncer_job *j;
	bool found = false;

	pthread_mutex_lock(&s->mutex);
	LIST_FOREACH(j, &s->running, entry) {
		if (strcmp(j->key, key) != 0)
			continue;
		urgency_cause_want(&j->cause);
		found = true;
	}
	pthread_mutex_unlock(&s->mutex);
	if (found)
		limit_store_hurry(s->limited);
}

bool waiters_want(struct syncer *s, const struct meta_dirty *dirty, int64_t now)
{
	struct waiter *waiter;
	bool forced = false;

	/* One that has just failed keeps its backoff. */
	if (dirty->fails && dirty->due_ns > now)
		return false;
	pthread_mutex_lock(&s->mutex);
	LIST_FOREACH(waiter, &s->waiters, entry) {
		if (waiter->all)
			forced = dirty->seq <= waiter->seq &&
				 waiters_below(dirty->key, waiter->path);
		else
			forced = !waiter->done &&
				 !strcmp(waiter->path, dirty->key);
		if (forced)
			break;
	}
	pthread_mutex_unlock(&s->mutex);
	return forced;
}

bool waiters_all(struct syncer *s)
{
	struct waiter *waiter;
	bool all = false;

	pthread_mutex_lock(&s->mutex);
	LIST_FOREACH(waiter, &s->waiters, entry)
		all = all || waiter->all;
	pthread_mutex_unlock(&s->mutex);
	return all;
}

void waiters_add(struct syncer *s, struct waiter *waiter)
{
	pthread_mutex_lock(&s->mutex);
	waiter->probes = s->outage.probes;
	LIST_INSERT_HEAD(&s->waiters, waiter, entry);
	s->kicked = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->mutex);
	if (!waiter->all)
		waiters_hurry(s, waiter->path);
}

void waiters_remove(struct syncer *s, struct waiter *waiter)
{
	pthread_mutex_lock(&s->mutex);
	LIST_REMOVE(waiter, entry);
	pthread_cond_broadcast(&s->event); /* for syncer_free() */
	pthread_mutex_unlock(&s->mutex);
}
