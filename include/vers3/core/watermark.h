/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watermarks: how far the limits of a mount are used up, told before they hurt.
 * min_free= is a limit of the cache's disk, quota= of what is unsent here.
 *
 * Any thread; takes no lock of its own. Sizes in bytes.
 */
#ifndef VERS3_CORE_WATERMARK_H
#define VERS3_CORE_WATERMARK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define WATERMARK_PERCENT 80 /* from here on it is told */
#define WATERMARK_LOW	  70 /* below it is forgotten again */

enum watermark_kind {
	WATERMARK_MIN_FREE,
	WATERMARK_QUOTA,
	WATERMARKS,
};

struct watermark {
	uint64_t used_bytes, limit_bytes; /* limit 0: there is none */
	unsigned percent; /* of it, 100 at most */
};

/* What was told already; zeroed at first. */
struct watermark_told {
	atomic_bool told[WATERMARKS];
	_Atomic int64_t looked_ns; /* monotonic */
};

struct mount;

/* "min_free", "quota". */
const char *watermark_name(enum watermark_kind kind);
/*
 * How it stands now. Of the cache's disk what cached blocks take counts as
 * free, since they give way.
 */
struct watermark watermark_read(const struct mount *mount,
				enum watermark_kind kind);
/* The pure part: so much of a limit is used up. */
struct watermark watermark_of(uint64_t used_bytes, uint64_t limit_bytes);
/*
 * Whether it is to be told now: it was reached, and was not told since it was
 * last below WATERMARK_LOW. told is that; pure.
 */
bool watermark_crosses(struct watermark mark, atomic_bool *told);
/*
 * Looks at all of them, at most every 100 ms, and logs each that was reached.
 * For whoever has just taken room.
 */
void watermark_look(struct mount *mount);

#endif
