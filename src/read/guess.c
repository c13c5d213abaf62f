/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the table of guesses; each is in it until it is read, or too old. */
#include "guess.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/map.h"
#include "vers3/util/minmax.h"

struct guess {
	TAILQ_ENTRY(guess) entry;
	unsigned char id[BLOCK_ID_SIZE];
	uint64_t bytes;
	int64_t since_ns; /* monotonic */
};

int guesses_init(struct guesses *g)
{
	*g = (struct guesses){.unread_bytes = 0};
	pthread_mutex_init(&g->mutex, NULL);
	TAILQ_INIT(&g->order);
	return map_new(&g->unread);
}

/* Takes one out of the table, and frees it. Mutex held. */
static void forget(struct guesses *g, struct guess *one)
{
	map_del(g->unread, one->id, sizeof(one->id));
	TAILQ_REMOVE(&g->order, one, entry);
	g->unread_bytes -= one->bytes;
	free(one);
}

void guesses_release(struct guesses *g)
{
	struct guess *one;

	if (!g->unread)
		return;
	while ((one = TAILQ_FIRST(&g->order)))
		forget(g, one);
	map_free(g->unread);
	g->unread = NULL;
	pthread_mutex_destroy(&g->mutex);
}

uint64_t guess_bytes_max(uint64_t cache_bytes)
{
	return min_u64(GUESS_BYTES_MAX, cache_bytes / GUESS_SHARE);
}

/* What nobody has read for so long was not wanted. Mutex held. */
static void give_up_old(struct guesses *g, int64_t now_ns)
{
	struct guess *one;

	while ((one = TAILQ_FIRST(&g->order)) &&
	       now_ns - one->since_ns > GUESS_AGE_NS) {
		g->wasted++;
		g->wasted_bytes += one->bytes;
		forget(g, one);
	}
}

int guess_add(struct guesses *g, const unsigned char id[BLOCK_ID_SIZE],
	      uint64_t bytes, uint64_t most_bytes, int64_t now_ns)
{
	struct guess *one = NULL;
	int rc = 0;

	pthread_mutex_lock(&g->mutex);
	give_up_old(g, now_ns);
	if (map_get(g->unread, id, BLOCK_ID_SIZE))
		goto out;
	rc = -ENOSPC;
	if (map_count(g->unread) >= GUESS_FILES_MAX ||
	    g->unread_bytes + bytes > most_bytes)
		goto out;
	rc = -ENOMEM;
	one = malloc(sizeof(*one));
	if (!one || map_put(g->unread, id, BLOCK_ID_SIZE, one))
		goto out;
	*one = (struct guess){.bytes = bytes, .since_ns = now_ns};
	memcpy(one->id, id, BLOCK_ID_SIZE);
	TAILQ_INSERT_TAIL(&g->order, one, entry);
	g->unread_bytes += bytes;
	g->files++;
	one = NULL;
	rc = 1;
out:
	pthread_mutex_unlock(&g->mutex);
	free(one);
	return rc;
}

void guess_drop(struct guesses *g, const unsigned char id[BLOCK_ID_SIZE])
{
	struct guess *one;

	pthread_mutex_lock(&g->mutex);
	one = map_get(g->unread, id, BLOCK_ID_SIZE);
	if (one) {
		g->files--;
		forget(g, one);
	}
	pthread_mutex_unlock(&g->mutex);
}

bool guess_use(struct guesses *g, const unsigned char id[BLOCK_ID_SIZE])
{
	struct guess *one;

	pthread_mutex_lock(&g->mutex);
	one = map_get(g->unread, id, BLOCK_ID_SIZE);
	if (one) {
		g->used++;
		forget(g, one);
	}
	pthread_mutex_unlock(&g->mutex);
	return one != NULL;
}

void guesses_read_stats(struct guesses *g, int64_t now_ns,
			struct reader_stats *ret)
{
	pthread_mutex_lock(&g->mutex);
	give_up_old(g, now_ns);
	ret->ahead_files = g->files;
	ret->ahead_used = g->used;
	ret->ahead_wasted = g->wasted;
	ret->ahead_wasted_bytes = g->wasted_bytes;
	pthread_mutex_unlock(&g->mutex);
}
