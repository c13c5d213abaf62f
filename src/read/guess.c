/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the table of guesses; each is in it until it is read, or too old. */
#include "guess.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/map.h"
#include "vers3/util/minmax.h"

#define EARNED 2 /* credit for each that is read */

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
	g->credit = GUESS_CREDIT;
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

/* A guess was right, or would have been. Mutex held. */
static void earn(struct guesses *g)
{
	if (g->proof < GUESS_PROOF)
		g->proof++;
	g->credit += EARNED;
	if (g->credit > GUESS_CREDIT_MAX)
		g->credit = GUESS_CREDIT_MAX;
}

/* Whether so much more may be unread. Mutex held. */
static bool has_room(const struct guesses *g, uint64_t bytes,
		     uint64_t most_bytes)
{
	return map_count(g->unread) < GUESS_FILES_MAX &&
	       g->unread_bytes + bytes <= most_bytes;
}

/* What nobody has read for so long was not wanted. Mutex held. */
static void give_up_old(struct guesses *g, int64_t now_ns)
{
	struct guess *one;

	while ((one = TAILQ_FIRST(&g->order)) &&
	       now_ns - one->since_ns > GUESS_AGE_NS) {
		g->wasted++;
		g->wasted_bytes += one->bytes;
		g->proof = 0;
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
	if (!has_room(g, bytes, most_bytes))
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
		earn(g);
		forget(g, one);
	}
	pthread_mutex_unlock(&g->mutex);
	return one != NULL;
}

void guess_missed(struct guesses *g)
{
	pthread_mutex_lock(&g->mutex);
	earn(g);
	pthread_mutex_unlock(&g->mutex);
}

bool guess_spend(struct guesses *g, uint64_t bytes, uint64_t most_bytes,
		 int64_t now_ns)
{
	bool ok;

	pthread_mutex_lock(&g->mutex);
	give_up_old(g, now_ns);
	ok = g->credit && g->proof == GUESS_PROOF &&
	     has_room(g, bytes, most_bytes);
	g->credit -= ok;
	pthread_mutex_unlock(&g->mutex);
	return ok;
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
