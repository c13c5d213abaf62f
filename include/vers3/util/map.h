/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table from byte strings to pointers, chained, growing by doubling.
 * Copies keys, borrows values. Not thread-safe: the owner locks.
 */
#ifndef VERS3_UTIL_MAP_H
#define VERS3_UTIL_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map;

int map_new(struct map **ret_map);
/* Frees the table, not the values. NULL is fine. */
void map_free(struct map *m);
size_t map_count(const struct map *m);
/* The value, or NULL. */
void *map_get(const struct map *m, const void *key, size_t len);
/* Adds or replaces. 0 or -ENOMEM. value is not NULL. */
int map_put(struct map *m, const void *key, size_t len, void *value);
/* Removes and returns the value; NULL if there was none. */
void *map_del(struct map *m, const void *key, size_t len);
/* Calls fn for each pair, in no order; fn must not change the table. */
void map_each(const struct map *m,
	      void (*fn)(void *ctx, const void *key, size_t len, void *value),
	      void *ctx);

#endif
