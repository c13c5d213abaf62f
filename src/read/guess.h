/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was fetched before anybody asked for it, and which of it nobody has
 * read yet.
 *
 * Small objects are noted by their content id, until they are read or are
 * taken for not wanted: GUESS_AGE_NS after they were fetched. What is unread
 * is bounded, so guesses that are wrong cost no more than that of the cache.
 *
 * Whether small objects come whole, attributes and bytes in one GET, is a
 * matter of proof and of credit. Some small files in turn that were read, and
 * had been guessed or had to be fetched while their reader waited, prove that
 * files are read now; one guess that is not read ends that. Each object that
 * comes whole costs credit, each small file that is read brings twice as much.
 * Who only looks at attributes never has a proof.
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

#define GUESS_FILES_MAX	 512 /* unread at a time */
#define GUESS_BYTES_MAX	 (UINT64_C(16) << 20) /* likewise */
#define GUESS_SHARE	 8 /* and no more than one in so many of the cache */
#define GUESS_AGE_NS	 (10 * NS_PER_S)
#define GUESS_PROOF	 3 /* small files read: more will be */
#define GUESS_CREDIT	 256 /* files that may come whole at first */
#define GUESS_CREDIT_MAX 1024

struct map;
struct guess;

struct guesses {
	pthread_mutex_t mutex;
	/* Protected by mutex. */
	struct map *unread; /* content id → guess */
	TAILQ_HEAD(, guess) order; /* owned: the oldest first */
	uint64_t unread_bytes;
	unsigned credit; /* files that may come whole */
	unsigned proof; /* small files read since a guess was not */
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
/* Somebody waits for a small file that was not guessed. */
void guess_missed(struct guesses *g);
/*
 * Takes the credit for an object that comes whole. False: there is no proof or
 * no credit, or no room for it, as with guess_add(), which is asked again when
 * it has come.
 */
bool guess_spend(struct guesses *g, uint64_t bytes, uint64_t most_bytes,
		 int64_t now_ns);
/* Fills in the part of the reader's numbers that is about them, as of now. */
void guesses_read_stats(struct guesses *g, int64_t now_ns,
			struct reader_stats *ret);

#endif
