/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one moment of a file held: its inode, and where its staged bytes
 * stand. It can be read and sent without a lock, however much the file is
 * written meanwhile: what stands at a place of staging never changes,
 * and while a snapshot is out the file's places are neither given back nor
 * removed (sync_reap.c).
 *
 * Any thread. Offsets and sizes in bytes.
 */
#ifndef VERS3_TREE_FILE_SNAPSHOT_H
#define VERS3_TREE_FILE_SNAPSHOT_H

#include <sys/queue.h>

#include "vers3/meta/extent.h"
#include "vers3/meta/holes.h"

struct tree;

struct file_snapshots; /* those that are out */

struct file_snapshot {
	const struct meta_inode *inode; /* borrowed: what it is of */
	struct meta_extent *extents; /* owned: what was staged */
	size_t count;
	struct holes holes; /* that its base is known to have */
	struct file_snapshots *out; /* borrowed; NULL: it holds no places */
	LIST_ENTRY(file_snapshot) entry; /* protected by out's mutex */
	bool reap; /* likewise: somebody wanted to give them back */
};

int file_snapshots_new(struct file_snapshots **ret_file_snapshots);
void file_snapshots_free(struct file_snapshots *o);
/*
 * Whether one of the inode is out. Then what it has staged stays as it is, and
 * whoever ends the last one has it reaped. With meta_lock() held.
 */
bool file_snapshots_hold(struct file_snapshots *o, uint64_t ino);

/*
 * Takes one of an inode, which was read under the same meta_lock() and lives as
 * long; it is dropped also after an error. 0, -ENOMEM, -EIO.
 */
int file_snapshot_take(struct tree *tree, struct file_snapshots *o,
		       const struct meta_inode *inode,
		       struct file_snapshot *snap);
/* Gives its places free. One that is zeroed is fine. No lock held. */
void file_snapshot_drop(struct tree *tree, struct file_snapshot *snap);
/*
 * Reads [offset, offset + size), which lies in the file. May wait for the
 * bucket. 0 or -errno.
 */
int file_snapshot_read(struct tree *tree, const struct file_snapshot *snap,
		       uint64_t offset, void *buf, size_t size);
/* The same range will be read: begins to fetch what of it is the base's. */
void file_snapshot_expect(struct tree *tree, const struct file_snapshot *snap,
			  uint64_t offset, uint64_t size);
/*
 * The extents that begin before `end` and end after `from`; *ret_list is
 * owned by the caller. With meta_lock() held. 0, -ENOMEM, -EIO.
 */
int file_snapshot_extents(struct tree *tree, uint64_t ino, uint64_t from,
			  uint64_t end, struct meta_extent **ret_list,
			  size_t *ret_count);
/* The first of the sorted extents that ends after offset; count: none. */
size_t file_snapshot_find(const struct meta_extent *list, size_t count,
			  uint64_t offset);

#endif
