/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the block cache below its limit.
 *
 * What counts is exact: the disk blocks (st_blocks) of all the classes'
 * files, freed pages that LMDB keeps included. Room is made before a batch
 * is written: first the free pages of all classes are given back to the
 * disk, then the blocks used longest ago over all classes are evicted, a
 * 64th of the limit more than needed at a time. What a batch takes is known
 * but for pages of the trees, for which an ample guess is added; so the sum
 * passes the limit by at most that guess's error, and is brought down before
 * anything else happens. A batch for which no room can be made is not
 * written.
 *
 * When eviction does not help (a file system that cannot punch holes), the
 * class with the largest file is wiped.
 */
#ifndef VERS3_SRC_CACHE_EVICT_H
#define VERS3_SRC_CACHE_EVICT_H

#include <stdbool.h>
#include <stdint.h>

struct size_class;

struct evict_counts {
	uint64_t evicted; /* blocks */
	uint64_t wiped; /* classes */
};

/* The disk blocks of all, in bytes. */
uint64_t evict_used_bytes(struct size_class *const *classes);
/*
 * Makes room for need bytes more (0: only obeys the limit). True when there
 * is. Adds to *counts. The writer's thread alone.
 */
bool evict_make_room(struct size_class *const *classes, uint64_t limit_bytes,
		     uint64_t need_bytes, struct evict_counts *counts);

#endif
