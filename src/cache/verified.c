/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the table; an entry is 48 bits of hash, class + 1, generation. */
#include "verified.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SEEN_ENTRIES (1u << 16) /* 64 GiB of whole blocks, 512 KiB of memory */

struct verified {
	_Atomic uint64_t entries[SEEN_ENTRIES];
};

/* The finaliser of splitmix64: every bit of x reaches every bit. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static uint64_t key_hash(const struct blocks_key *key)
{
	uint64_t a, b;

	memcpy(&a, key->id, sizeof(a));
	memcpy(&b, key->id + sizeof(a), sizeof(b));
	return mix(mix(mix(a) ^ b) + key->number);
}

int verified_new(struct verified **ret_verified)
{
	struct verified *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*ret_verified = s;
	return 0;
}

void verified_free(struct verified *s)
{
	free(s);
}

bool verified_find(struct verified *s, const struct blocks_key *key,
		   unsigned *ret_class, uint8_t *ret_generation)
{
	uint64_t hash = key_hash(key);
	uint64_t e = atomic_load_explicit(&s->entries[hash % SEEN_ENTRIES],
					  memory_order_relaxed);

	if (e >> 16 != hash >> 16 || !(e >> 8 & 0xff))
		return false;
	*ret_class = (unsigned)(e >> 8 & 0xff) - 1;
	*ret_generation = (uint8_t)e;
	return true;
}

void verified_set(struct verified *s, const struct blocks_key *key,
		  unsigned class, uint8_t generation)
{
	uint64_t hash = key_hash(key);
	uint64_t e =
		(hash >> 16 << 16) | (uint64_t)(class + 1) << 8 | generation;

	atomic_store_explicit(&s->entries[hash % SEEN_ENTRIES], e,
			      memory_order_relaxed);
}
