/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block cache: pieces of immutable versions, by content id and block
 * number, in LMDB environments of their own, one a size class. Disposable:
 * every block can be fetched again from the bucket by its identity, which is
 * what lets blocks be evicted, or wiped, at any moment.
 *
 * Thread-safe. Bounded by a number of bytes, evicted oldest-used first in
 * batches. Survives a restart and kill -9; wiped after an unclean system
 * crash (boot id changed without a clean mark), since it is not synced.
 */
#ifndef VERS3_CACHE_BLOCKS_H
#define VERS3_CACHE_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCK_SIZE    (UINT64_C(1) << 20) /* bytes of a whole block */
#define BLOCK_ID_SIZE 16 /* as META_ID_SIZE */

struct blocks;
struct space;

struct blocks_key {
	unsigned char id[BLOCK_ID_SIZE];
	uint64_t number; /* bytes number * BLOCK_SIZE and on */
};

struct blocks_stats {
	uint64_t used_bytes, limit_bytes;
	uint64_t count;
	uint64_t hits, misses, evicted, wiped;
};

/*
 * Opens or makes DIR/blocks (DIR exists). limit_bytes bounds the sum of the
 * blocks' sizes and what LMDB's files take on disk. 0 or -errno with a
 * reason; a damaged environment is wiped and made anew.
 */
int blocks_open(const char *dir, uint64_t limit_bytes, char *reason,
		size_t size, struct blocks **ret_blocks);
/*
 * Writes what is queued, marks the environment clean, closes. NULL is fine.
 * All hits have been released.
 */
void blocks_close(struct blocks *b);

/*
 * A hit holds one read transaction: be short (a FUSE reply, a memcpy), then
 * blocks_release(). 0 with the block's bytes in the map (already asked into
 * memory when cold), or -ENOENT.
 */
struct blocks_hit {
	const void *data;
	size_t size;
	void *txn; /* internal */
};
int blocks_get(struct blocks *b, const struct blocks_key *key,
	       struct blocks_hit *ret_hit);
void blocks_release(struct blocks *b, struct blocks_hit *hit);
/* Whether it is there, without counting a hit or touching its age. */
bool blocks_has(struct blocks *b, const struct blocks_key *key);

/*
 * Queues a block for writing by the cache's own writer thread, which calls
 * done(arg) when the block is found here, or could not be kept; then its
 * bytes may be freed. Blocks when the queue is full. data holds at most
 * BLOCK_SIZE bytes. 0, or -EINVAL or -ENOMEM, and then done is not called. done
 * is short and calls nothing of the block cache. Same key, same
 * bytes: a block that is there already only becomes the youngest. One that is
 * nothing but zeros, as holes are, takes no room.
 */
int blocks_put(struct blocks *b, const struct blocks_key *key, const void *data,
	       size_t size, void (*done)(void *arg), void *arg);
/* Waits until what was queued before is readable. */
void blocks_flush(struct blocks *b);
/* Drops the blocks of one content (all when id is NULL). */
int blocks_drop(struct blocks *b, const unsigned char *id);
/* Takes effect soon; blocks_flush() waits for it. */
void blocks_set_limit(struct blocks *b, uint64_t limit_bytes);
uint64_t blocks_limit_bytes(struct blocks *b);
/*
 * From now on blocks take no more of the disk than there is room for. The
 * space is borrowed until blocks_close().
 */
void blocks_watch(struct blocks *b, struct space *space);
/*
 * Evicts the oldest blocks until the disk has room for `bytes` more; none if
 * all of them would not be enough. Waits for it.
 */
void blocks_make_room(struct blocks *b, uint64_t bytes);
void blocks_read_stats(struct blocks *b, struct blocks_stats *ret);

#endif
