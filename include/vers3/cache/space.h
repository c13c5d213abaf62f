/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much room the cache's disk has: min_free= and quota= are kept here.
 * Thread-safe; statvfs is asked at most every 100 ms, and before a refusal
 * that unused grants might have caused.
 */
#ifndef VERS3_CACHE_SPACE_H
#define VERS3_CACHE_SPACE_H

#include <stdint.h>

struct space;

/*
 * DIR is on the disk to watch. min_free: bytes, or a percentage of the disk
 * when percent is set.
 */
int space_new(const char *dir, uint64_t min_free, int percent,
	      struct space **ret_space);
void space_free(struct space *s);
/* 0 when `bytes` more may be staged, else -ENOSPC. */
int space_check(struct space *s, uint64_t bytes);
/*
 * 0 unless more than half of what is to stay free is used up: then -ENOSPC.
 * For small things that must not fail when the disk is merely short.
 */
int space_check_low(struct space *s);
/*
 * How many bytes are lacking for `bytes` more, as the disk says right now; 0
 * when there is room.
 */
uint64_t space_lacks(struct space *s, uint64_t bytes);
/*
 * What cached data may take whatever room there is: a 64th of the disk, 256 MiB
 * at most. Without any, each block would be fetched for each read of it.
 */
uint64_t space_cache_least(struct space *s);
/* Bytes on the disk that may still be used before min_free is reached. */
uint64_t space_left(struct space *s);
/*
 * Bytes of the disk that may be used at all, which is all but what min_free
 * keeps; and what is used of it, by whomever, which may be more.
 */
void space_read(struct space *s, uint64_t *ret_usable, uint64_t *ret_used);

#endif
