/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the façade: the rooms behind it. */
#ifndef VERS3_SRC_VFS_VFS_IMPL_H
#define VERS3_SRC_VFS_VFS_IMPL_H

#include "vers3/vfs/vfs.h"

struct mount;

struct control;
struct journal;
struct reader;
struct syncer;
struct tree;
struct view;

/* Made once; its pointers are constant while it is mounted. All are owned. */
struct vfs {
	uint64_t generation; /* of inode numbers: new with the cache */
	struct mount *mount;
	struct journal *journal;
	struct reader *reader;
	struct tree *tree;
	struct syncer *syncer;
	struct view *view;
	struct control *control;
};

/*
 * The two halves of vfs_free(): all that is under way ends; then the rooms go.
 * Tests look in between.
 */
void vfs_end(struct vfs *v);
void vfs_drop(struct vfs *v);

#endif
