/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The staged extents of an inode: which of its bytes are staged, and where
 * they stand in its staging file. Disjoint, in order of offset; neighbours
 * whose bytes stand one after the other are merged. All calls need
 * meta_lock().
 *
 * A place of META_HOLE_AT and more is none: the bytes are zeros, and stand
 * nowhere. Those of offset x are said to be at META_HOLE_AT + x, so that the
 * same rules hold for them: neighbours merge, and equal places have equal
 * bytes.
 */
#ifndef VERS3_META_EXTENT_H
#define VERS3_META_EXTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "vers3/meta/meta.h"

struct meta_extent {
	uint64_t offset, length;
	uint64_t place; /* in the staging file */
};

#define META_HOLE_AT (UINT64_C(1) << 62)

static inline bool meta_extent_is_hole(uint64_t at)
{
	return at >= META_HOLE_AT;
}

/*
 * Marks [offset, offset + length) staged, its bytes at `at` of the staging
 * file, in place of what was there; length 0 does nothing.
 */
int meta_extent_add(struct meta *m, uint64_t ino, uint64_t offset,
		    uint64_t length, uint64_t at);
/* Unmarks [offset, offset + length), splitting where needed. */
int meta_extent_remove(struct meta *m, uint64_t ino, uint64_t offset,
		       uint64_t length);
/*
 * The first extent that ends after `offset`: its own start (may lie before
 * offset), its length, and where its first byte stands. 0 or -ENOENT.
 */
int meta_extent_next(struct meta *m, uint64_t ino, uint64_t offset,
		     uint64_t *ret_offset, uint64_t *ret_length,
		     uint64_t *ret_at);
int meta_extent_clear(struct meta *m, uint64_t ino);

#endif
