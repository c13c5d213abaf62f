/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has bytes in a segment of the staging log: for each inode where they
 * begin and end, and how many they are. A table with open addresses, of 24
 * bytes an inode, since a long outage may leave very many.
 *
 * Zeroed it is empty. The owner locks.
 */
#ifndef VERS3_SRC_CACHE_STAGECLAIMS_H
#define VERS3_SRC_CACHE_STAGECLAIMS_H

#include <stddef.h>
#include <stdint.h>

struct stageclaim {
	uint64_t ino; /* 0: none */
	uint32_t from, to; /* all its bytes are in [from, to) */
	uint32_t bytes;
	uint32_t count; /* of its appends */
};

struct stageclaims {
	struct stageclaim *slots; /* owned */
	size_t size; /* a power of two, or 0 */
	size_t count;
	uint64_t bytes; /* of all */
	uint64_t ino_min, ino_max; /* there never were others */
};

void stageclaims_release(struct stageclaims *c);
/* NULL when the inode has none; valid until the table is changed. */
struct stageclaim *stageclaims_find(const struct stageclaims *c, uint64_t ino);
/* Adds [from, from + length), length > 0, to what it has. 0 or -ENOMEM. */
int stageclaims_add(struct stageclaims *c, uint64_t ino, uint32_t from,
		    uint32_t length);
/* One append less; what the inode has is gone with the last. */
void stageclaims_take_back(struct stageclaims *c, uint64_t ino,
			   uint32_t length);
/* All that the inode has; nothing when that is nothing. */
void stageclaims_remove(struct stageclaims *c, uint64_t ino);
/*
 * Where there is something: [from, to) of all, in no order. *ret_list is the
 * caller's to free; count as c->count. 0 or -ENOMEM.
 */
int stageclaims_list(const struct stageclaims *c, struct stageclaim **ret_list);

#endif
