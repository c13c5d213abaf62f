/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this process remembers of the blocks it met: that the checksum was
 * right, the size class it lies in, and when its age was last refreshed. A
 * table of fixed size without chains: a newer block takes an older one's
 * place, and what is forgotten is found out again. Wrong once in 2^48 for
 * two keys of one place, and then only a check is left out or a class is
 * asked in vain.
 *
 * Thread-safe, without a lock.
 */
#ifndef VERS3_SRC_CACHE_SEEN_H
#define VERS3_SRC_CACHE_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "vers3/cache/blocks.h"

struct seen;

int seen_new(struct seen **ret_seen);
void seen_free(struct seen *s);
bool seen_find(struct seen *s, const struct blocks_key *key,
	       unsigned *ret_class, uint8_t *ret_generation);
void seen_set(struct seen *s, const struct blocks_key *key, unsigned class,
	      uint8_t generation);

#endif
