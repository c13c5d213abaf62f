/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fetcher's inside, shared by its two halves: fetch.c keeps the table
 * and decides what is to be fetched; fetch_job.c runs the GETs. Its rules
 * stand at the head of fetch.c.
 */
#ifndef VERS3_SRC_READ_FETCH_JOB_H
#define VERS3_SRC_READ_FETCH_JOB_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <openssl/evp.h>

#include "fetch.h"
#include "version_get.h"

#define FETCH_SPARE_MAX 16 /* buffers kept for the next job */

enum block_state {
	BLOCK_WAITING,
	BLOCK_READY,
	BLOCK_FAILED,
};

struct fetch_block {
	/* Constant. */
	struct fetch *fetch;
	struct blocks_key key;
	size_t size;
	/* Written by the one transfer while waiting, then only read. */
	unsigned char *data; /* owned; NULL until its job starts */
	/* Protected by the mutex; state and error are final once settled. */
	enum block_state state;
	int error;
	unsigned refs;
	bool charged; /* counted in stats.buffer_bytes */
	struct fetch_link *waiters; /* borrowed: of the asks */
};

/* One GET to come or under way. */
struct fetch_job {
	TAILQ_ENTRY(fetch_job) entry;
	struct fetch *fetch;
	struct meta_version version;
	uint64_t first;
	unsigned count;
	struct fetch_block *blocks[FETCH_RUN]; /* counted */
	uint64_t length; /* bytes of all */
	bool whole; /* the object's; small enough to check before use */
	bool ahead; /* nobody waits for it; under the mutex */
	struct version_get get; /* the GET under way */
	uint64_t pos; /* the transfer's: bytes that have come */
};

TAILQ_HEAD(fetch_queue, fetch_job); /* owns them */

struct fetch {
	/* Constant. */
	struct store *store; /* borrowed */
	struct blocks *cache; /* borrowed */
	char *prefix; /* owned */
	EVP_MD *md5; /* owned; NULL where there is none */
	struct pool *workers; /* owned */

	pthread_mutex_t mutex;
	pthread_cond_t work; /* a job may start now, or stop */
	pthread_cond_t quiet; /* putting came down to 0 */

	/* The rest is protected by mutex. */
	struct map *table; /* blocks_key → block, borrowed */
	struct fetch_queue wanted, ahead;
	LIST_HEAD(, fetch_ask) asks; /* borrowed: the pending ones */
	unsigned running; /* GETs under way */
	unsigned running_ahead; /* of them, begun while nobody waited */
	unsigned putting; /* blocks in the cache's queue */
	bool stop;
	void *spare[FETCH_SPARE_MAX]; /* owned: whole blocks' buffers */
	unsigned spare_count;
	struct reader_stats stats;
};

/* All below: with the mutex held. */

/* Ends jobs that will not run: their blocks fail. */
void fetch_queue_cancel(struct fetch_queue *q, int error);
/* Room may have come, or work. */
void fetch_wake(struct fetch *f);
/* Counts a block's buffer in, once. */
void fetch_block_charge(struct fetch_block *b);
void fetch_block_unref(struct fetch_block *b);
/* The ask is pending no more. */
void fetch_ask_unlist(struct fetch_ask *ask);

/* Hands a block that is ready, counted as putting, to the cache; no mutex. */
void fetch_put(struct fetch_block *b);
/* A worker's life: runs jobs until the fetcher stops. Without the mutex. */
void fetch_worker(void *arg);

#endif
