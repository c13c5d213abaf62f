/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shelf holds the blocks of one size class, in one LMDB environment.
 *
 * Why classes: LMDB puts a value of more than half a page on a run of
 * adjoining pages and looks for a free run through its whole free list. When
 * all runs have one length, each freed run fits the next value exactly. So a
 * value is padded to its class's capacity, which fills whole pages to the
 * last byte. The smallest class is different: its values lie inside the
 * pages of the tree, need no run, and are not padded.
 *
 * A record is a head (checksum over key, size and bytes; size) and the bytes.
 * Two small tables beside keep the order of use: stamp (key -> stamp) and
 * age (stamp -> key). Stamps are numbers that only grow, given by the caller,
 * unique over all shelves.
 *
 * Readers are any threads; all that changes a shelf is for one thread, the
 * cache's writer. The environment is made when the first block is put.
 * Damage, wherever it shows, has one end: the shelf is wiped.
 */
#ifndef VERS3_SRC_CACHE_SHELF_H
#define VERS3_SRC_CACHE_SHELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vers3/cache/blocks.h"

#define SHELF_COUNT	 6
#define SHELF_KEY_SIZE	 (BLOCK_ID_SIZE + 8)
#define SHELF_STAMP_SIZE 8

struct shelf;
struct sum;

/* What an action took away. */
struct shelf_loss {
	uint64_t blocks;
	uint64_t bytes; /* of pages */
};

/*
 * Opens the shelf of that class in DIR, if it has a file there. 0 or -errno;
 * a damaged file is wiped, which *ret_wiped tells.
 */
int shelf_new(const char *dir, unsigned class, uint64_t map_bytes,
	      struct shelf **ret_shelf, bool *ret_wiped);
void shelf_free(struct shelf *s);
/* Removes the files of a shelf that is not open. 0 or -errno. */
int shelf_remove(const char *dir, unsigned class);
/* The class for blocks of that size (at most BLOCK_SIZE). */
unsigned shelf_class(size_t size);

/* Any thread. */

/*
 * A hit to be given back with shelf_release(), or -ENOENT; -EUCLEAN when the
 * shelf turned out to be damaged (the caller tells the writer). A block that
 * is `known` is not verified again unless it comes from the disk.
 */
int shelf_get(struct shelf *s, const struct blocks_key *key, bool known,
	      struct blocks_hit *ret_hit);
void shelf_release(struct blocks_hit *hit);
bool shelf_has(struct shelf *s, const struct blocks_key *key);
uint64_t shelf_count(const struct shelf *s);
bool shelf_damaged(struct shelf *s);

/* The writer's thread alone. */

/* Pages that one block takes, in bytes; for the trees add a few a block. */
uint64_t shelf_block_bytes(const struct shelf *s);
uint64_t shelf_disk_bytes(const struct shelf *s);
/* Bytes that the next environment made may map. */
void shelf_set_map(struct shelf *s, uint64_t map_bytes);

/*
 * A write transaction: begin, any number of put and touch, then commit or
 * abort. After a failed put or touch only abort is right. All: 0 or -errno,
 * -EUCLEAN for damage.
 */
int shelf_begin(struct shelf *s);
int shelf_commit(struct shelf *s);
void shelf_abort(struct shelf *s);
/*
 * A block that is there already is only touched. data NULL: so many zeros, which
 * take no room and go to the class of nothing.
 */
int shelf_put(struct shelf *s, struct sum *sum, const struct blocks_key *key,
	      const void *data, size_t size, uint64_t stamp);
/* -ENOENT, and nothing is broken, when it is not there. */
int shelf_touch(struct shelf *s, const struct blocks_key *key, uint64_t stamp);

/* The oldest and the newest stamp; -ENOENT on an empty shelf. */
int shelf_oldest(struct shelf *s, uint64_t *ret_stamp);
int shelf_newest(struct shelf *s, uint64_t *ret_stamp);
/*
 * Takes the oldest blocks away, up to that stamp and at least `bytes` of
 * pages, but a limited number at a time; adds to *loss.
 */
int shelf_evict(struct shelf *s, uint64_t until_stamp, uint64_t bytes,
		struct shelf_loss *loss);
/* Takes away the blocks of one content. */
int shelf_drop(struct shelf *s, const unsigned char *id);
/* Empties it by removing its files; readers keep what they hold. */
void shelf_wipe(struct shelf *s);
/* As blockenv_punch(); 0 on an empty shelf. */
int shelf_punch(struct shelf *s);
int shelf_sync(struct shelf *s);

#endif
