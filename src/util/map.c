/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chained hash table. Keys come from buckets that others write to, so each
 * table has a seed of its own: nobody can prepare names that all land in one
 * chain.
 */
#include "vers3/util/map.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/hash.h"

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
	struct hash_seed seed;
};

static uint64_t hash_of(const struct map *m, const void *key, size_t len)
{
	return hash_add(&m->seed, 0, key, len);
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
	hash_seed_draw(&m->seed);
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
