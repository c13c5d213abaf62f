/* SPDX-License-Identifier: Apache-2.0 */
/* Owns nothing: hashes with a seed; see hash.h. */
#include "vers3/util/hash.h"

#include <string.h>
#include <sys/random.h>

static uint64_t rotl(uint64_t x, int bits)
{
	return (x << bits) | (x >> (64 - bits));
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

void hash_seed_draw(struct hash_seed *ret_seed)
{
	/* Before the pool is seeded the address of the seed has to do. */
	if (getrandom(ret_seed, sizeof(*ret_seed), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(*ret_seed))
		*ret_seed = (struct hash_seed){{(uintptr_t)ret_seed, 0}};
}

uint64_t hash_add(const struct hash_seed *seed, uint64_t before,
		  const void *data, size_t len)
{
	uint64_t k0 = seed->at[0] ^ before, k1 = seed->at[1];
	uint64_t v[4] = {
		k0 ^ UINT64_C(0x736f6d6570736575),
		k1 ^ UINT64_C(0x646f72616e646f6d),
		k0 ^ UINT64_C(0x6c7967656e657261),
		k1 ^ UINT64_C(0x7465646279746573),
	};
	const unsigned char *p = data;
	uint64_t last = (uint64_t)len << 56;
	size_t left = len;

	for (; left >= 8; left -= 8, p += 8) {
		uint64_t word;

		memcpy(&word, p, sizeof(word));
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	for (size_t i = 0; i < left; i++)
		last |= (uint64_t)p[i] << (8 * i);
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
