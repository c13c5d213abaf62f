/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lifecycle rule for what is in a directory (`prefix=tmp/`) takes the
 * directory's own object, too, and an empty directory with it. It was meant for
 * what is in it: the directory stays. Directories further below go.
 */
#ifndef VERS3_SRC_TREE_EXPIRED_H
#define VERS3_SRC_TREE_EXPIRED_H

#include <stddef.h>

#include "vers3/core/mount.h"

struct tree;

#define EXPIRED_MAX 64 /* directories that are looked at after one list */

/* A directory with an object that others have taken; at most EXPIRED_MAX. */
struct expired {
	uint64_t ino;
	int64_t written_ns; /* its object */
	char *path; /* owned */
};

/* Embedded, zeroed; protected by the mutex of the dirs. */
struct expired_list {
	struct expired items[EXPIRED_MAX];
	size_t count;
};

/*
 * Notes a directory that taken_drop() keeps, or that has lost its object alone;
 * in is the inode as it was. With meta_lock() held.
 */
void expired_note(struct tree *tree, const struct meta_inode *inode,
		  const char *path);

#endif
