/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the reads of one open file say of those to come: how far to fetch ahead
 * of who reads on, and how much around who jumps about. Pure; the reader locks
 * the stream. Offsets and sizes in bytes.
 */
#ifndef VERS3_SRC_READ_STREAM_H
#define VERS3_SRC_READ_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "fetch.h"

#define STREAM_NEAR  (UINT64_C(1) << 20) /* a gap that is no jump */
#define STREAM_FIRST (UINT64_C(1) << 20) /* the window of one read */
#define STREAM_LARGE (UINT64_C(128) << 10) /* a read that tells of more */
#define STREAM_WIDE  (UINT64_C(32) << 20) /* of two in sequence */
#define STREAM_SURE  8 /* so many parts of a window: who read one reads on */
#define STREAM_MAX   (UINT64_C(128) << 20)
#define STREAM_SHARE 4 /* and no more than one in so many of the cache */
/* From that many misses on a file is fetched around them; of each run of it. */
#define STREAM_DENSE	   4
#define STREAM_DENSE_SHARE 4 /* or from one in so many of its runs on */
#define STREAM_AROUND_MAX  (UINT64_C(1) << 30) /* files of that size at most */

/* Of how many runs a file is. */
uint64_t stream_runs(uint64_t size_bytes);
/*
 * Moves a stream on over the read [offset, end); cache_bytes: what the cache
 * holds. Returns true with the bytes that are to be fetched ahead.
 */
bool stream_advance(struct reader_stream *s, uint64_t size_bytes,
		    uint64_t cache_bytes, uint64_t offset, uint64_t end,
		    uint64_t *ret_from, uint64_t *ret_to);
/*
 * There was room up to `reached` only, for a read that ends at `end`: where
 * others have most of it, the window is made narrower.
 */
void stream_short(struct reader_stream *s, uint64_t end, uint64_t reached);
/*
 * Notes a miss after a jump; cache_bytes: what the cache holds. True when the
 * misses are dense: then its whole run is fetched.
 */
bool stream_miss(struct reader_stream *s, uint64_t size_bytes,
		 uint64_t cache_bytes, uint64_t offset);
/*
 * How many runs to fetch around at this jump, of a stream whose misses are
 * dense in a file that fits the cache: ever more, until none is left.
 */
unsigned stream_around(struct reader_stream *s);
/* The next of them; false: there is none. */
bool stream_take_run(struct reader_stream *s, uint64_t size_bytes,
		     uint64_t *ret_run);
/* There was no room for it. */
void stream_give_run(struct reader_stream *s, uint64_t run);

#endif
