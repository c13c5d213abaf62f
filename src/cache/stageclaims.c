/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table: linear probing, three quarters full at most. What is removed
 * leaves no mark: those behind it that it kept from their place move up.
 */
#include "stageclaims.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 64

static size_t home(const struct stageclaims *c, uint64_t ino)
{
	return (size_t)((ino * UINT64_C(0x9e3779b97f4a7c15)) >> 32) &
	       (c->size - 1);
}

/* The slot that the inode has, or would have. There is a free one. */
static size_t slot_of(const struct stageclaims *c, uint64_t ino)
{
	size_t i = home(c, ino);

	while (c->slots[i].ino && c->slots[i].ino != ino)
		i = (i + 1) & (c->size - 1);
	return i;
}

void stageclaims_release(struct stageclaims *c)
{
	free(c->slots);
	memset(c, 0, sizeof(*c));
}

struct stageclaim *stageclaims_find(const struct stageclaims *c, uint64_t ino)
{
	struct stageclaim *slot;

	if (!c->count || ino < c->ino_min || ino > c->ino_max)
		return NULL;
	slot = &c->slots[slot_of(c, ino)];
	return slot->ino ? slot : NULL;
}

static int grow(struct stageclaims *c)
{
	size_t size = c->size;
	struct stageclaim *old = c->slots;
	struct stageclaim *slots =
		calloc(size ? size * 2 : FIRST_SIZE, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	c->slots = slots;
	c->size = size ? size * 2 : FIRST_SIZE;
	for (size_t i = 0; i < size; i++)
		if (old[i].ino)
			c->slots[slot_of(c, old[i].ino)] = old[i];
	free(old);
	return 0;
}

int stageclaims_add(struct stageclaims *c, uint64_t ino, uint32_t from,
		    uint32_t length)
{
	struct stageclaim *slot;

	if (c->count >= c->size / 4 * 3 && grow(c))
		return -ENOMEM;
	slot = &c->slots[slot_of(c, ino)];
	if (!slot->ino) {
		*slot = (struct stageclaim){.ino = ino, .from = from};
		if (!c->count++ && !c->ino_max)
			c->ino_min = c->ino_max = ino;
		c->ino_min = ino < c->ino_min ? ino : c->ino_min;
		c->ino_max = ino > c->ino_max ? ino : c->ino_max;
	}
	slot->from = from < slot->from ? from : slot->from;
	slot->to = from + length > slot->to ? from + length : slot->to;
	slot->bytes += length;
	slot->count++;
	c->bytes += length;
	return 0;
}

/* Frees a slot; whoever passed it by on the way to his own moves up. */
static void free_slot(struct stageclaims *c, size_t hole)
{
	size_t mask = c->size - 1;

	for (size_t i = (hole + 1) & mask; c->slots[i].ino;
	     i = (i + 1) & mask) {
		size_t from = home(c, c->slots[i].ino);

		/* Whether the hole lies between its home and where it is. */
		if (((i - from) & mask) < ((i - hole) & mask))
			continue;
		c->slots[hole] = c->slots[i];
		hole = i;
	}
	c->slots[hole].ino = 0;
	c->count--;
}

void stageclaims_take_back(struct stageclaims *c, uint64_t ino, uint32_t length)
{
	struct stageclaim *slot = stageclaims_find(c, ino);

	if (!slot)
		return;
	c->bytes -= length;
	slot->bytes -= length;
	if (!--slot->count)
		free_slot(c, (size_t)(slot - c->slots));
}

void stageclaims_remove(struct stageclaims *c, uint64_t ino)
{
	struct stageclaim *slot = stageclaims_find(c, ino);

	if (!slot)
		return;
	c->bytes -= slot->bytes;
	free_slot(c, (size_t)(slot - c->slots));
}

int stageclaims_list(const struct stageclaims *c, struct stageclaim **ret_list)
{
	struct stageclaim *list = calloc(c->count + 1, sizeof(*list));
	size_t n = 0;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < c->size; i++)
		if (c->slots[i].ino)
			list[n++] = c->slots[i];
	*ret_list = list;
	return 0;
}
