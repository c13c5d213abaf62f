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
#ifndef VERS3_SRC_CACHE_VERIFIED_H
#define VERS3_SRC_CACHE_VERIFIED_H

#include <stdbool.h>
#include <stdint.h>

#include "vers3/cache/blocks.h"

struct verified;

int verified_new(struct verified **ret_verified);
void verified_free(struct verified *s);
bool verified_find(struct verified *s, const struct blocks_key *key,
		   unsigned *ret_class, uint8_t *ret_generation);
void verified_set(struct verified *s, const struct blocks_key *key,
		  unsigned class, uint8_t generation);

#endif
