/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The staged extents of an inode: which of its bytes are staged, and where
 * they stand in its staging file, or from META_LOG_AT on in the staging log.
 * Disjoint, in order of offset; neighbours whose bytes stand one after the
 * other are merged. All calls need meta_lock().
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
	uint64_t place; /* in staging */
};

#define META_LOG_AT  (UINT64_C(1) << 61)
#define META_HOLE_AT (UINT64_C(1) << 62)

static inline bool meta_extent_in_log(uint64_t at)
{
	return at >= META_LOG_AT && at < META_HOLE_AT;
}

static inline bool meta_extent_is_hole(uint64_t at)
{
	return at >= META_HOLE_AT;
}

/* The place that a record of META_EXTENT has; 0 when it is damaged. */
static inline uint64_t meta_extent_place_of(const struct meta_val *val)
{
	return val->size == 16
		       ? meta_from_be64((const unsigned char *)val->data + 8)
		       : 0;
}

/*
 * Marks [offset, offset + length) staged, its bytes at the place `at`, instead
 * of what was there; length 0 does nothing.
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
/*
 * Of all inodes, the next extent with bytes in the log after *ino, *offset,
 * which move on to it (0, 0: the first); looks at `most` extents at most.
 * 0, -ENOENT: there are no more; -EAGAIN: perhaps, behind those, -EIO.
 */
int meta_extent_next_logged(struct meta *m, unsigned most, uint64_t *ino,
			    uint64_t *offset, uint64_t *ret_length,
			    uint64_t *ret_at);

#endif
