/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was fetched before anybody asked for it, and which of it nobody has
 * read yet.
 *
 * Small objects are noted by their content id, until they are read or are
 * taken for not wanted: GUESS_AGE_NS after they were fetched. What is unread
 * is bounded, so guesses that are wrong cost no more than that of the cache.
 *
 * Thread-safe; a leaf. Private to the reader.
 */
#ifndef VERS3_SRC_READ_GUESS_H
#define VERS3_SRC_READ_GUESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "vers3/cache/blocks.h"
#include "vers3/read/reader.h"
#include "vers3/util/clock.h"

#define GUESS_FILES_MAX 512 /* unread at a time */
#define GUESS_BYTES_MAX (UINT64_C(16) << 20) /* likewise */
#define GUESS_SHARE	8 /* and no more than one in so many of the cache */
#define GUESS_AGE_NS	(10 * NS_PER_S)

struct map;
struct guess;

struct guesses {
	pthread_mutex_t mutex;
	/* Protected by mutex. */
	struct map *unread; /* content id → guess */
	TAILQ_HEAD(, guess) order; /* owned: the oldest first */
	uint64_t unread_bytes;
	uint64_t files, used, wasted; /* so far: guessed, read, not read */
	uint64_t wasted_bytes;
};

int guesses_init(struct guesses *g);
/* Of what was initialised or is zeroed. */
void guesses_release(struct guesses *g);
/* How many bytes may be unread where the cache is so large. Pure. */
uint64_t guess_bytes_max(uint64_t cache_bytes);
/*
 * Notes a content that is about to be fetched: 1; 0 when it is noted already;
 * -ENOSPC when there is no room for it (most_bytes: guess_bytes_max()), or
 * -ENOMEM.
 */
int guess_add(struct guesses *g, const unsigned char id[BLOCK_ID_SIZE],
	      uint64_t bytes, uint64_t most_bytes, int64_t now_ns);
/* It was not fetched after all. */
void guess_drop(struct guesses *g, const unsigned char id[BLOCK_ID_SIZE]);
/* Somebody reads this content: true when it was a guess, and unread. */
bool guess_use(struct guesses *g, const unsigned char id[BLOCK_ID_SIZE]);
/* Fills in the part of the reader's numbers that is about them, as of now. */
void guesses_read_stats(struct guesses *g, int64_t now_ns,
			struct reader_stats *ret);

#endif
