/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a live file while our own save takes the place of its base version.
 *
 * Where a bucket keeps no versions, a base is gone as soon as the new object
 * is there, and the inode is put on that a moment later, when the answer has
 * come. Who reads in between waits for it and begins anew. What others have
 * replaced is not waited for.
 *
 * Any thread, no lock held. done() as vfs_read_fn says (entry.h). Offsets and
 * sizes in bytes.
 */
#ifndef VERS3_TREE_REREAD_H
#define VERS3_TREE_REREAD_H

#include "vers3/core/entry.h"
#include "vers3/core/node.h"
#include "vers3/read/reader.h"
#include "vers3/tree/rebased.h"

struct pool;
struct tree;

int rereads_new(struct pool **ret_pool);

/*
 * As reader_read() of a version; if n is a live file's node (borrowed until
 * done() is called) that is based on it, the read begins anew where that helps,
 * on a thread of its own. -EIO for a version that is gone.
 */
void reread_begin(struct tree *tree, struct node *n,
		  const struct meta_version *version,
		  struct reader_stream *stream, uint64_t offset, size_t size,
		  vfs_read_fn done, void *arg);

#endif
