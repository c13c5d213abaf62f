/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ETag of an object that was sent in parts: the MD5 of the parts' MD5s, a
 * dash and their number (S3 user guide, "Checking object integrity"). How
 * large the parts were it does not say; most programs, and vers3, have one
 * size for all but the last, out of a few. So it is computed with each of them
 * that comes to that number; where one gives the ETag, the bytes are proven.
 *
 * One thread at a time; -ENOMEM where it says so. Sizes in bytes.
 */
#ifndef VERS3_SRC_UPKEEP_PART_SIZES_H
#define VERS3_SRC_UPKEEP_PART_SIZES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PART_SIZES_MAX 8 /* tried at once */

struct part_sizes;

/* How many parts an ETag tells of; 0: it is not of that form. NULL is fine. */
unsigned part_sizes_count_of(const char *etag);
/*
 * The sizes that come to so many parts, count of them at most: how many there
 * are. Pure.
 */
size_t part_sizes_that_fit(uint64_t size_bytes, unsigned parts, uint64_t *sizes,
			   size_t count);
/*
 * For bytes whose ETag is that. 0 with *ret_sizes NULL where no size comes to
 * its number, or there is no MD5; -ENOMEM.
 */
int part_sizes_new(uint64_t size_bytes, const char *etag,
		   struct part_sizes **ret_sizes);
/* NULL is fine. */
void part_sizes_free(struct part_sizes *p);
/* The next bytes. 0 or -ENOMEM. */
int part_sizes_add(struct part_sizes *p, const void *data, size_t size);
/*
 * After the last byte: whether one of the sizes gives the ETag, and which. 0
 * or -ENOMEM.
 */
int part_sizes_end(struct part_sizes *p, const char *etag, bool *ret_found,
		   uint64_t *ret_part_bytes);

#endif
