/* SPDX-License-Identifier: Apache-2.0 */
/* Holes of contents: inode → the content's id, then offset, length, ... */
#include "vers3/meta/holes.h"

#include <errno.h>
#include <string.h>

#define HOLE_BYTES 16

void holes_remove_smallest(struct holes *h)
{
	size_t least = 0;

	for (size_t i = 1; i < h->count; i++)
		if (h->items[i].length < h->items[least].length)
			least = i;
	if (!h->count)
		return;
	h->count--;
	memmove(&h->items[least], &h->items[least + 1],
		(h->count - least) * sizeof(*h->items));
}

void holes_add(struct holes *h, uint64_t offset, uint64_t end,
	       uint64_t size_bytes)
{
	uint64_t from = (offset + HOLES_UNIT - 1) / HOLES_UNIT * HOLES_UNIT;
	struct hole *last = h->count ? &h->items[h->count - 1] : NULL;

	if (end < size_bytes)
		end = end / HOLES_UNIT * HOLES_UNIT;
	else
		end = size_bytes;
	if (from >= end)
		return;
	if (last && last->offset + last->length == from) {
		last->length = end - last->offset;
		return;
	}
	if (h->count == HOLES_MAX)
		holes_remove_smallest(h);
	h->items[h->count++] = (struct hole){from, end - from};
}

size_t holes_find(const struct holes *h, uint64_t offset)
{
	size_t i = 0;

	while (i < h->count &&
	       h->items[i].offset + h->items[i].length <= offset)
		i++;
	return i;
}

bool holes_cover(const struct holes *h, uint64_t offset, uint64_t end)
{
	size_t i = holes_find(h, offset);

	return offset >= end ||
	       (i < h->count && h->items[i].offset <= offset &&
		h->items[i].offset + h->items[i].length >= end);
}

int meta_holes_put(struct meta *m, uint64_t ino,
		   const unsigned char id[META_ID_SIZE], const struct holes *h)
{
	unsigned char key[8], value[META_ID_SIZE + HOLES_MAX * HOLE_BYTES];
	size_t len = META_ID_SIZE;

	if (!h->count)
		return meta_holes_del(m, ino);
	memcpy(value, id, META_ID_SIZE);
	for (size_t i = 0; i < h->count; i++, len += HOLE_BYTES) {
		meta_be64(value + len, h->items[i].offset);
		meta_be64(value + len + 8, h->items[i].length);
	}
	meta_be64(key, ino);
	return meta_put(m, META_HOLES, key, sizeof(key), value, len);
}

int meta_holes_get(struct meta *m, uint64_t ino,
		   const unsigned char id[META_ID_SIZE], struct holes *ret)
{
	const unsigned char *at;
	unsigned char key[8];
	struct meta_val val;
	int rc;

	ret->count = 0;
	meta_be64(key, ino);
	rc = meta_get(m, META_HOLES, key, sizeof(key), &val);
	if (rc == -ENOENT)
		return 0;
	if (rc)
		return rc;
	at = val.data;
	if (val.size < META_ID_SIZE || (val.size - META_ID_SIZE) % HOLE_BYTES ||
	    (val.size - META_ID_SIZE) / HOLE_BYTES > HOLES_MAX)
		return -EIO;
	if (memcmp(at, id, META_ID_SIZE) != 0)
		return 0;
	for (size_t i = META_ID_SIZE; i < val.size; i += HOLE_BYTES) {
		struct hole *h = &ret->items[ret->count++];

		h->offset = meta_from_be64(at + i);
		h->length = meta_from_be64(at + i + 8);
	}
	return 0;
}

int meta_holes_del(struct meta *m, uint64_t ino)
{
	unsigned char key[8];
	int rc;

	meta_be64(key, ino);
	rc = meta_del(m, META_HOLES, key, sizeof(key));
	return rc == -ENOENT ? 0 : rc;
}
