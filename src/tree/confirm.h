/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our own saves in lists. A list names no version ids, and the answer to a
 * save no Last-Modified: what a list shows after it may be ours, or what
 * others have made of it with the same bytes (chmod, touch, setfattr). So the
 * first list after a save has the key asked for its version's id: of a few
 * keys one by one, of many with one list of versions. Where versions have no
 * ids, what the object says of itself is compared.
 */
#ifndef VERS3_SRC_TREE_CONFIRM_H
#define VERS3_SRC_TREE_CONFIRM_H

#include "vers3/tree/merge.h"

struct tree;

/*
 * Fills in version_id and others of those items of a page of directory ino
 * (path: meta_path()'s form) that may be either. What cannot be asked stays
 * as it is: then it counts as ours. Blocks; no lock held.
 */
void confirm_page(struct tree *tree, uint64_t ino, const char *path,
		  struct merge_item *items, size_t count);

#endif
