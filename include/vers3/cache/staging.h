/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Staging: one sparse file a dirty inode, DIR/staging/<2 hex>/<16 hex>. It
 * is the only copy of what was written and not yet uploaded, so nothing here
 * deletes or shortens a file but the calls that say so, and their callers
 * say where the bytes are by then.
 *
 * Thread-safe for different inodes; for one inode the caller serialises
 * staging_remove() against use. Descriptors are kept open in a bounded
 * cache.
 */
#ifndef VERS3_CACHE_STAGING_H
#define VERS3_CACHE_STAGING_H

#include <stddef.h>
#include <stdint.h>

struct staging;

/* Opens or makes DIR/staging. 0 or -errno. */
int staging_open(const char *dir, struct staging **ret_staging);
void staging_close(struct staging *s);

/*
 * Writes behind all that the file has, so that nothing that was recorded of
 * it changes, and tells where. The caller serialises the calls for one inode.
 * All of it: 0 or -errno (-ENOSPC, -EDQUOT, -EIO); so do the reads.
 */
int staging_append(struct staging *s, uint64_t ino, const void *data,
		   size_t len, uint64_t *ret_at);
/*
 * Bytes past the file's end, and holes, read as zeros. -ENOENT if there is
 * no such file.
 */
int staging_read(struct staging *s, uint64_t ino, uint64_t offset, void *data,
		 size_t len);
/* Punches a hole: the caller knows the bytes are unwanted or in the bucket. */
int staging_punch(struct staging *s, uint64_t ino, uint64_t offset,
		  uint64_t length);
/* Deletes the file: the caller knows the bucket holds its content. */
int staging_remove(struct staging *s, uint64_t ino);
/* What the file takes on disk; 0 when there is none. */
uint64_t staging_file_bytes(struct staging *s, uint64_t ino);
/*
 * A descriptor of its own for reading (the caller closes), -ENOENT if there
 * is no such file.
 */
int staging_dup(struct staging *s, uint64_t ino, int *ret_fd);
/* A file without a name on the same disk, gone when it is closed. */
int staging_scratch(struct staging *s, int *ret_fd);
/* Writes to it, all of it. 0 or -errno. */
int staging_scratch_write(int fd, uint64_t offset, const void *data,
			  size_t len);
/*
 * Makes the file's data durable (fdatasync). -ENOENT if there is no such file.
 * Once the disk has failed to take a file's data every later sync of it fails
 * too, until it is removed.
 */
int staging_sync(struct staging *s, uint64_t ino);
/*
 * Makes durable every file written since the last call (the commit of meta
 * waits for it). 0 or the first -errno; those that failed stay listed.
 */
int staging_sync_all(struct staging *s);
/* Calls fn with each file's inode number; for the sweep at mount. */
int staging_each(struct staging *s, int (*fn)(void *ctx, uint64_t ino),
		 void *ctx);
/* Sum of allocated bytes (blocks on disk), kept as it changes. */
uint64_t staging_used_bytes(struct staging *s);

#endif
