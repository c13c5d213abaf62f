/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chained hash table. Keys come from buckets that others write to, so the
 * hash is SipHash-1-3 under a key drawn for each table: nobody can prepare
 * names that all land in one chain.
 */
#include "vers3/util/map.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define MAP_FIRST 16 /* buckets; a power of two */

struct entry {
	struct entry *next; /* owned: the chain */
	uint64_t hash;
	void *value; /* borrowed */
	size_t len;
	unsigned char key[];
};

struct map {
	struct entry **buckets; /* owned */
	size_t size; /* buckets; a power of two */
	size_t count;
	uint64_t seed[2];
};

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

/* The hash stays in this process, so words are taken in host order. */
static uint64_t hash_of(const struct map *m, const void *key, size_t len)
{
	uint64_t v[4] = {m->seed[0] ^ UINT64_C(0x736f6d6570736575),
			 m->seed[1] ^ UINT64_C(0x646f72616e646f6d),
			 m->seed[0] ^ UINT64_C(0x6c7967656e657261),
			 m->seed[1] ^ UINT64_C(0x7465646279746573)};
	const unsigned char *p = key;
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

int map_new(struct map **ret_map)
{
	struct map *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->size = MAP_FIRST;
	m->buckets = calloc(m->size, sizeof(struct entry *));
	if (!m->buckets) {
		free(m);
		return -ENOMEM;
	}
	/* Before the pool is seeded the address of the table has to do. */
	if (getrandom(m->seed, sizeof(m->seed), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(m->seed))
		m->seed[0] = (uintptr_t)m;
	*ret_map = m;
	return 0;
}

void map_free(struct map *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->size; i++) {
		struct entry *e = m->buckets[i];

		while (e) {
			struct entry *next = e->next;

			free(e);
			e = next;
		}
	}
	free(m->buckets);
	free(m);
}

size_t map_count(const struct map *m)
{
	return m->count;
}

/* The link that points at the key's entry, or at the end of its chain. */
static struct entry **map_find(const struct map *m, const void *key, size_t len,
			       uint64_t hash)
{
	struct entry **link = &m->buckets[hash & (m->size - 1)];

	for (; *link; link = &(*link)->next) {
		const struct entry *e = *link;

		if (e->hash == hash && e->len == len &&
		    (!len || memcmp(e->key, key, len) == 0))
			break;
	}
	return link;
}

/* Doubles the table. Without memory it stays as it is, only slower. */
static void map_grow(struct map *m)
{
	size_t size = m->size * 2;
	struct entry **buckets = calloc(size, sizeof(struct entry *));

	if (!buckets)
		return;
	for (size_t i = 0; i < m->size; i++) {
		struct entry *e = m->buckets[i];

		while (e) {
			struct entry *next = e->next;
			struct entry **head = &buckets[e->hash & (size - 1)];

			e->next = *head;
			*head = e;
			e = next;
		}
	}
	free(m->buckets);
	m->buckets = buckets;
	m->size = size;
}

void *map_get(const struct map *m, const void *key, size_t len)
{
	struct entry *e = *map_find(m, key, len, hash_of(m, key, len));

	return e ? e->value : NULL;
}

int map_put(struct map *m, const void *key, size_t len, void *value)
{
	uint64_t hash = hash_of(m, key, len);
	struct entry **link = map_find(m, key, len, hash);
	struct entry *e;

	assert(value);
	if (*link) {
		(*link)->value = value;
		return 0;
	}
	e = malloc(sizeof(*e) + len);
	if (!e)
		return -ENOMEM;
	e->next = NULL;
	e->hash = hash;
	e->value = value;
	e->len = len;
	if (len)
		memcpy(e->key, key, len);
	*link = e;
	m->count++;
	if (m->count > m->size)
		map_grow(m);
	return 0;
}

void *map_del(struct map *m, const void *key, size_t len)
{
	struct entry **link = map_find(m, key, len, hash_of(m, key, len));
	struct entry *e = *link;
	void *value;

	if (!e)
		return NULL;
	value = e->value;
	*link = e->next;
	free(e);
	m->count--;
	return value;
}

void map_each(const struct map *m,
	      void (*fn)(void *ctx, const void *key, size_t len, void *value),
	      void *ctx)
{
	for (size_t i = 0; i < m->size; i++) {
		for (struct entry *e = m->buckets[i]; e; e = e->next)
			fn(ctx, e->key, e->len, e->value);
	}
}
