/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the tree: what its files share. */
#ifndef VERS3_SRC_TREE_TREE_IMPL_H
#define VERS3_SRC_TREE_TREE_IMPL_H

#include "vers3/core/mount.h"

struct dirs;
struct journal;
struct pool;
struct read_rows;
struct reader;
struct states;

/* Made once; its pointers are constant while it is mounted. */
struct tree {
	struct mount *mount; /* borrowed */
	struct meta *meta; /* borrowed: the mount's */
	struct journal *journal; /* borrowed */
	struct reader *reader; /* borrowed */
	struct dirs *dirs; /* owned */
	struct pool *rereads; /* owned: reads that begin anew (reread.h) */
	struct read_rows *read_rows; /* owned: who reads files in turn */
	struct states *states; /* owned */
};

#endif
