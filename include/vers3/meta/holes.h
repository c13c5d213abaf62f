/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the content that an inode is based on is known to have nothing but
 * zeros. A list says less than the truth at the worst: what it does not name
 * is data. It is kept with the name of the content (meta_version.id), and
 * says nothing of any other.
 */
#ifndef VERS3_META_HOLES_H
#define VERS3_META_HOLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vers3/meta/inode.h"

#define HOLES_MAX  128
#define HOLES_UNIT UINT64_C(4096) /* all begin and end at one, or at the end */

struct holes {
	size_t count;
	struct hole {
		uint64_t offset, length;
	} items[HOLES_MAX]; /* sorted, disjoint, never adjacent */
};

/*
 * Adds what of [offset, end) are whole units, in a content of size_bytes; in
 * order of offset. Where there are too many, the smallest goes.
 */
void holes_add(struct holes *h, uint64_t offset, uint64_t end,
	       uint64_t size_bytes);
/* The first that ends after offset; count: none. */
size_t holes_find(const struct holes *h, uint64_t offset);
/* Whether all of [offset, end) is one hole. */
bool holes_cover(const struct holes *h, uint64_t offset, uint64_t end);
void holes_remove_smallest(struct holes *h);

/*
 * With meta_lock() held. put: an empty list takes the record away. get: an
 * empty list where nothing is known of this content.
 */
int meta_holes_put(struct meta *m, uint64_t ino,
		   const unsigned char id[META_ID_SIZE], const struct holes *h);
int meta_holes_get(struct meta *m, uint64_t ino,
		   const unsigned char id[META_ID_SIZE], struct holes *ret);
int meta_holes_del(struct meta *m, uint64_t ino);

#endif
