/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of invalidations and its thread. */
#include "notify.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "vers3/util/clock.h"
#include "vers3/util/log.h"
#include "vers3/util/map.h"

#define KEY_FIXED (1 + sizeof(uint64_t))

struct item {
	STAILQ_ENTRY(item) entry;
	uint64_t ino; /* of an entry: the parent */
	size_t key_len;
	char key[]; /* 'i' or 'e', ino, an entry's name, NUL */
};

struct notify {
	struct notify_sink sink; /* constant */
	pthread_t thread;
	pthread_mutex_t mutex; /* protects all below */
	pthread_cond_t wake; /* work, or stopping */
	STAILQ_HEAD(, item) queue; /* owned */
	struct map *waiting; /* owned: key → item */
	pthread_cond_t progress; /* one was sent, or stopping */
	uint64_t queued, sent; /* in all */
	uint64_t dropped;
	bool stopping;
	bool joined;
	pthread_mutex_t join_mutex; /* makes stopping twice safe */
};

/* Takes the first item out of the queue; NULL when there is none. */
static struct item *pop(struct notify *n)
{
	struct item *it = STAILQ_FIRST(&n->queue);

	if (!it)
		return NULL;
	STAILQ_REMOVE_HEAD(&n->queue, entry);
	map_del(n->waiting, it->key, it->key_len);
	return it;
}

static void *notify_main(void *arg)
{
	struct notify *n = arg;

	pthread_mutex_lock(&n->mutex);
	while (!n->stopping) {
		struct item *it = pop(n);

		if (!it) {
			pthread_cond_wait(&n->wake, &n->mutex);
			continue;
		}
		pthread_mutex_unlock(&n->mutex);
		if (it->key[0] == 'i')
			n->sink.inode(n->sink.ctx, it->ino);
		else
			n->sink.entry(n->sink.ctx, it->ino,
				      it->key + KEY_FIXED);
		free(it);
		pthread_mutex_lock(&n->mutex);
		n->sent++;
		pthread_cond_broadcast(&n->progress);
	}
	pthread_mutex_unlock(&n->mutex);
	return NULL;
}

int notify_new(const struct notify_sink *sink, struct notify **ret_notify)
{
	struct notify *n = calloc(1, sizeof(*n));
	int rc;

	if (!n)
		return -ENOMEM;
	n->sink = *sink;
	STAILQ_INIT(&n->queue);
	pthread_mutex_init(&n->mutex, NULL);
	pthread_mutex_init(&n->join_mutex, NULL);
	pthread_cond_init(&n->wake, NULL);
	n->joined = true; /* there is no thread yet */
	rc = clock_cond_init(&n->progress);
	if (!rc)
		rc = map_new(&n->waiting);
	if (!rc)
		rc = -pthread_create(&n->thread, NULL, notify_main, n);
	if (rc) {
		notify_free(n);
		return rc;
	}
	n->joined = false;
	*ret_notify = n;
	return 0;
}

/* Queues an item unless its double waits already. */
static void push(struct notify *n, char kind, uint64_t ino, const char *name)
{
	size_t name_len = strlen(name);
	struct item *it = malloc(sizeof(*it) + KEY_FIXED + name_len + 1);
	struct item *spare = it;

	if (it) {
		it->ino = ino;
		it->key_len = KEY_FIXED + name_len;
		it->key[0] = kind;
		memcpy(it->key + 1, &ino, sizeof(ino));
		memcpy(it->key + KEY_FIXED, name, name_len + 1);
	}
	pthread_mutex_lock(&n->mutex);
	if (n->stopping)
		goto out;
	if (it && map_get(n->waiting, it->key, it->key_len))
		goto out;
	if (!it || map_count(n->waiting) >= NOTIFY_MAX ||
	    map_put(n->waiting, it->key, it->key_len, it)) {
		n->dropped++;
		goto out;
	}
	STAILQ_INSERT_TAIL(&n->queue, it, entry);
	n->queued++;
	spare = NULL;
	pthread_cond_signal(&n->wake);
out:
	pthread_mutex_unlock(&n->mutex);
	free(spare);
}

void notify_inode(struct notify *n, uint64_t ino)
{
	push(n, 'i', ino, "");
}

void notify_entry(struct notify *n, uint64_t parent, const char *name)
{
	push(n, 'e', parent, name);
}

bool notify_flush(struct notify *n, int64_t max_ns)
{
	int64_t until = clock_mono_ns() + max_ns;
	uint64_t target;
	bool sent;

	pthread_mutex_lock(&n->mutex);
	target = n->queued;
	while (n->sent < target && !n->stopping &&
	       clock_cond_wait_until(&n->progress, &n->mutex, until) !=
		       -ETIMEDOUT)
		;
	sent = n->sent >= target && !n->stopping;
	pthread_mutex_unlock(&n->mutex);
	return sent;
}

uint64_t notify_dropped(struct notify *n)
{
	uint64_t dropped;

	pthread_mutex_lock(&n->mutex);
	dropped = n->dropped;
	pthread_mutex_unlock(&n->mutex);
	return dropped;
}

void notify_stop(struct notify *n)
{
	struct item *it;

	pthread_mutex_lock(&n->mutex);
	n->stopping = true;
	while ((it = pop(n)))
		free(it);
	pthread_cond_signal(&n->wake);
	pthread_cond_broadcast(&n->progress);
	pthread_mutex_unlock(&n->mutex);

	pthread_mutex_lock(&n->join_mutex);
	if (!n->joined)
		pthread_join(n->thread, NULL);
	n->joined = true;
	pthread_mutex_unlock(&n->join_mutex);
}

void notify_free(struct notify *n)
{
	if (!n)
		return;
	if (n->waiting)
		notify_stop(n);
	if (n->dropped)
		log_info("%llu invalidations did not fit the queue",
			 (unsigned long long)n->dropped);
	map_free(n->waiting);
	pthread_cond_destroy(&n->wake);
	pthread_cond_destroy(&n->progress);
	pthread_mutex_destroy(&n->join_mutex);
	pthread_mutex_destroy(&n->mutex);
	free(n);
}
