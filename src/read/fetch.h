/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fetcher: blocks on their way from the bucket to the block cache.
 *
 * A block is in its table from the moment someone wants it until the block
 * cache has it (or the fetch failed), so all who want it share one GET. Runs
 * of neighbouring blocks are one ranged GET. Private to the reader.
 *
 *	a block's life
 *	waiting ──bytes are whole──▶ ready ──cache has it, no holder──▶ freed
 *	   └──────the GET failed───▶ failed ──no holder──▶ freed
 */
#ifndef VERS3_SRC_READ_FETCH_H
#define VERS3_SRC_READ_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "vers3/cache/blocks.h"
#include "vers3/meta/inode.h"
#include "vers3/read/reader.h"
#include "vers3/store/store.h"

#define FETCH_RUN	UINT64_C(8) /* blocks of one GET, aligned to as many */
#define FETCH_RUN_BYTES (FETCH_RUN * BLOCK_SIZE)
#define FETCH_BUDGET	(UINT64_C(88) << 20) /* bytes of all buffers */
#define FETCH_RESERVE	(UINT64_C(16) << 20) /* of it, not for reading ahead */
#define FETCH_WORKERS	32 /* GETs at once */
#define FETCH_AHEAD_MAX 24 /* of them, for what nobody waits for */
#define FETCH_ASK_MAX	(READER_READ_MAX / BLOCK_SIZE + 1)

struct fetch;
struct fetch_block;
struct fetch_ask;

/* One ask's place in the list of those who wait for a block. */
struct fetch_link {
	struct fetch_link *next;
	struct fetch_ask *ask;
};

/*
 * Wants the blocks [first, first + count); embedded in what waits for them.
 * Zeroed, then filled in by its owner down to `ready`.
 */
struct fetch_ask {
	const struct meta_version *version; /* borrowed while asking */
	uint64_t first;
	unsigned count; /* at most FETCH_ASK_MAX */
	/* What to fetch when one of those is missing; holds them all. */
	uint64_t from, to;
	bool no_cache; /* fetch even what the cache says it has */
	/* Borrowed until it is settled; see fetch_give_up(). May be NULL. */
	const struct cancel *cancel;
	/*
	 * Everything held is settled. Called with the fetcher's lock held, on
	 * the thread of a transfer: only queues the ask for another thread.
	 */
	void (*ready)(struct fetch_ask *ask);

	/* Counted; NULL: look in the cache. Kept from one asking to the next */
	struct fetch_block *blocks[FETCH_ASK_MAX];
	/* The fetcher's, under its lock. */
	struct fetch_link links[FETCH_ASK_MAX];
	unsigned pending; /* held blocks that are not settled */
	LIST_ENTRY(fetch_ask) entry; /* among the pending ones */
	bool given_up; /* ready() was called though something is pending */
};

/* Borrows store and blocks, copies prefix. 0 or -errno. */
int fetch_new(struct store *store, struct blocks *blocks, const char *prefix,
	      struct fetch **ret_fetch);
/* Nobody waits any more; ends what is under way. NULL is fine. */
void fetch_free(struct fetch *f);

/*
 * Holds the ask's blocks that are on their way, and starts the fetch of
 * those that are missing. 0 when all that is held is settled (ready() is not
 * called), 1 when ready() will be called or was; -ENOMEM; -EINTR when its
 * cancel is set.
 */
int fetch_ask(struct fetch *f, struct fetch_ask *ask);
/*
 * Ends the waiting of all asks whose cancel is set: their ready() is called,
 * with given_up set. The fetches go on.
 */
void fetch_give_up(struct fetch *f);
/* Lets go of all that is held. The ask is not pending. */
void fetch_ask_release(struct fetch *f, struct fetch_ask *ask);
/*
 * The bytes of a settled block, valid while it is held: 0, or the error of
 * its fetch.
 */
int fetch_block_data(const struct fetch_block *b, const void **ret_data,
		     size_t *ret_size);
/*
 * Starts fetching what is missing of [from, to), as far as there is room for
 * reading ahead. Returns the block up to which it came; *ret_bytes (may be
 * NULL): how much that is.
 */
uint64_t fetch_ahead(struct fetch *f, const struct meta_version *version,
		     uint64_t from, uint64_t to, uint64_t *ret_bytes);
/*
 * Hands bytes of a version, its only block, to the cache as if they had been
 * fetched. Copies them. False: it was there or on its way, or there is no room.
 */
bool fetch_keep(struct fetch *f, const struct meta_version *version,
		const void *data, size_t size);
void fetch_read_stats(struct fetch *f, struct reader_stats *ret);

#endif
