/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A size class holds the blocks of like size, in one LMDB environment.
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
 * unique over all classes.
 *
 * Readers are any threads; all that changes a class is for one thread, the
 * cache's writer. The environment is made when the first block is put.
 * Damage, wherever it shows, has one end: the class is wiped.
 */
#ifndef VERS3_SRC_CACHE_SIZE_CLASS_H
#define VERS3_SRC_CACHE_SIZE_CLASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vers3/cache/blocks.h"

#define SIZE_CLASS_COUNT      6
#define SIZE_CLASS_KEY_SIZE   (BLOCK_ID_SIZE + 8)
#define SIZE_CLASS_STAMP_SIZE 8

struct size_class;
struct sum;

/* What an action took away. */
struct size_class_loss {
	uint64_t blocks;
	uint64_t bytes; /* of pages */
};

/*
 * Opens that class in DIR, if it has a file there. 0 or -errno;
 * a damaged file is wiped, which *ret_wiped tells.
 */
int size_class_new(const char *dir, unsigned class, uint64_t map_bytes,
		   struct size_class **ret_size_class, bool *ret_wiped);
void size_class_free(struct size_class *s);
/* Removes the files of a class that is not open. 0 or -errno. */
int size_class_remove(const char *dir, unsigned class);
/* The class for blocks of that size (at most BLOCK_SIZE). */
unsigned size_class_of(size_t size);

/* Any thread. */

/*
 * A hit to be given back with size_class_release(), or -ENOENT; -EUCLEAN when
 * the class turned out to be damaged (the caller tells the writer). A block
 * that is `known` is not verified again unless it comes from the disk.
 */
int size_class_get(struct size_class *s, const struct blocks_key *key,
		   bool known, struct blocks_hit *ret_hit);
void size_class_release(struct blocks_hit *hit);
bool size_class_has(struct size_class *s, const struct blocks_key *key);
uint64_t size_class_count(const struct size_class *s);
bool size_class_damaged(struct size_class *s);

/* The writer's thread alone. */

/* Pages that one block takes, in bytes; for the trees add a few a block. */
uint64_t size_class_block_bytes(const struct size_class *s);
uint64_t size_class_disk_bytes(const struct size_class *s);
/* Bytes that the next environment made may map. */
void size_class_set_map(struct size_class *s, uint64_t map_bytes);

/*
 * A write transaction: begin, any number of put and touch, then commit or
 * abort. After a failed put or touch only abort is right. All: 0 or -errno,
 * -EUCLEAN for damage.
 */
int size_class_begin(struct size_class *s);
int size_class_commit(struct size_class *s);
void size_class_abort(struct size_class *s);
/*
 * A block that is there already is only touched. data NULL: so many zeros,
 * which take no room and go to the class of nothing.
 */
int size_class_put(struct size_class *s, struct sum *sum,
		   const struct blocks_key *key, const void *data, size_t size,
		   uint64_t stamp);
/* -ENOENT, and nothing is broken, when it is not there. */
int size_class_touch(struct size_class *s, const struct blocks_key *key,
		     uint64_t stamp);

/* The oldest and the newest stamp; -ENOENT on an empty class. */
int size_class_oldest(struct size_class *s, uint64_t *ret_stamp);
int size_class_newest(struct size_class *s, uint64_t *ret_stamp);
/*
 * Takes the oldest blocks away, up to that stamp and at least `bytes` of
 * pages, but a limited number at a time; adds to *loss.
 */
int size_class_evict(struct size_class *s, uint64_t until_stamp, uint64_t bytes,
		     struct size_class_loss *loss);
/* Takes away the blocks of one content. */
int size_class_drop(struct size_class *s, const unsigned char *id);
/* Empties it by removing its files; readers keep what they hold. */
void size_class_wipe(struct size_class *s);
/* As blockenv_punch(); 0 on an empty class. */
int size_class_punch(struct size_class *s);
int size_class_sync(struct size_class *s);

#endif
