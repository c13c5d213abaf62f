/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrays that grow by one item at a time:
 *
 *	struct item *items; owned, from malloc() or NULL
 *	size_t count, size; items that it has, and has room for
 *
 *	rc = array_room(l->items, l->count, l->size);
 *	if (!rc)
 *		l->items[l->count++] = item;
 *
 * What is new of it is not zeroed. Who may grow it without end sees to a limit
 * himself. No locks: as the array's owner has it.
 */
#ifndef VERS3_UTIL_ARRAY_H
#define VERS3_UTIL_ARRAY_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#define ARRAY_FIRST 8 /* items of the first allocation */

/* For array_room(): the build has -fno-strict-aliasing. */
static inline int array_resize(void **items, size_t size, size_t item_bytes)
{
	void *p = NULL;

	if (size <= PTRDIFF_MAX / item_bytes)
		p = reallocarray(*items, size, item_bytes);
	if (!p)
		return -ENOMEM;
	*items = p;
	return 0;
}

static inline int array_double(void **items, size_t *size, size_t item_bytes)
{
	size_t more = *size ? *size * 2 : ARRAY_FIRST;
	int rc = *size <= SIZE_MAX / 2 ? array_resize(items, more, item_bytes)
				       : -ENOMEM;

	if (!rc)
		*size = more;
	return rc;
}

/*
 * Has room for one more item: doubles the array where it is full. 0; -ENOMEM,
 * and all is as it was.
 */
#define array_room(items, count, size)                                         \
	((count) < (size)                                                      \
		 ? 0                                                           \
		 : array_double((void **)&(items), &(size), sizeof(*(items))))

/* The same of a short one that has no size: as many as there are, and one. */
#define array_room_for_one(items, count)                                       \
	array_resize((void **)&(items), (count) + 1, sizeof(*(items)))

/* bsearch(3) and qsort(3), which take no NULL, not even of no items. */
static inline void *
array_find(const void *key, const void *items, size_t count, size_t item_bytes,
	   int (*compare)(const void *key, const void *item))
{
	return count ? bsearch(key, items, count, item_bytes, compare) : NULL;
}

static inline void array_sort(void *items, size_t count, size_t item_bytes,
			      int (*compare)(const void *a, const void *b))
{
	if (count)
		qsort(items, count, item_bytes, compare);
}

#endif
