/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a live file while our own save takes the place of its base version.
 *
 * Where a bucket keeps no versions, a base is gone as soon as the new object
 * is there, and the inode is put on that a moment later, when the answer has
 * come. Who reads in between waits for it and begins anew. What others have
 * replaced is not waited for.
 */
#ifndef VERS3_VFS_REREAD_INTERNAL_H
#define VERS3_VFS_REREAD_INTERNAL_H

#include "vers3/util/clock.h"
#include "vers3/vfs/node.h"
#include "vers3/vfs/reader.h"
#include "vers3/vfs/vfs.h"

#define REREAD_NS (60 * NS_PER_S) /* no read begins anew for longer */

int rereads_new(struct pool **ret_pool);

/*
 * A read of `lost`, which the inode was based on, ended in -ESTALE: waits
 * until the inode has another base. 0: it is to be read anew; -EIO: no save of
 * ours may have replaced it, or `until` (monotonic) has come; -EINTR. No lock
 * held.
 */
int reread_wait(struct vfs *v, uint64_t ino, const struct meta_version *lost,
		int64_t until);

/*
 * As reader_read() of a version; if n is a live file's node (borrowed until
 * done() is called) that is based on it, the read begins anew where that helps,
 * on a thread of its own. -EIO for a version that is gone.
 */
void reread_begin(struct vfs *v, struct node *n,
		  const struct meta_version *version,
		  struct reader_stream *stream, uint64_t offset, size_t size,
		  vfs_read_fn done, void *arg);

#endif
