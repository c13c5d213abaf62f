/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SipHash-1-3. What is hashed comes from buckets that others write to: under a
 * seed that is drawn, nobody can prepare two that have one hash.
 */
#ifndef VERS3_UTIL_HASH_H
#define VERS3_UTIL_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed: a fixed one, for a hash that outlives the process. */
struct hash_seed {
	uint64_t at[2];
};

void hash_seed_draw(struct hash_seed *ret_seed);
/*
 * The hash of bytes, which is the same on machines of one byte order only.
 * before: the hash of what stands before them, or 0.
 */
uint64_t hash_add(const struct hash_seed *seed, uint64_t before,
		  const void *data, size_t len);

#endif
