/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room on this disk: for what is staged (min_free= and quota=), and for the
 * namespace to note changes in.
 *
 * Any thread. No call waits for the bucket; what is cached may be evicted for
 * it. Sizes in bytes.
 */
#ifndef VERS3_TREE_RESERVATION_H
#define VERS3_TREE_RESERVATION_H

#include <stdint.h>

struct tree;

/*
 * 0 or -ENOSPC: whether the namespace can take a user's change. What is cached
 * gives way first. Removing is not asked: it makes room.
 */
int reservation_for_change(struct tree *tree);
/* 0, -ENOSPC, -EDQUOT: whether `bytes` more may be staged now. */
int reservation_check(struct tree *tree, uint64_t bytes);
/* The same, but makes room first of what is cached. No lock held. */
int reservation_make_clean(struct tree *tree, uint64_t bytes);
/*
 * 0 or -ENOSPC: whether a further page of a list may be kept, its walk having
 * brought so many. What is cached gives way first. No lock held.
 */
int reservation_for_page(struct tree *tree, uint64_t pages);

#endif
