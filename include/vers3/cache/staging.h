/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Staging: what a dirty inode has of its own. Small ones have it in a log that
 * all share (DIR/staging/log), others in one sparse file each,
 * DIR/staging/<2 hex>/<16 hex>. It is the only copy of what was written and
 * not yet uploaded, so nothing here deletes or shortens anything but the calls
 * that say so, and their callers say where the bytes are by then.
 *
 * A place is where bytes stand, as extent.h has it: in the inode's file, or in
 * the log. An inode has one or the other. What it has had in the log stays
 * there until staging_remove() or staging_leave_log(), as its file does.
 *
 * Thread-safe for different inodes; for one inode the caller serialises
 * staging_remove() against use. Descriptors are kept open in a bounded
 * cache.
 */
#ifndef VERS3_CACHE_STAGING_H
#define VERS3_CACHE_STAGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct staging;

/* Opens or makes DIR/staging. 0 or -errno. */
int staging_open(const char *dir, struct staging **ret_staging);
void staging_close(struct staging *s);

/*
 * A mount before has left bytes of the inode at a place of the log. Told for
 * all of them before staging_begin(), which may give back the others: the
 * caller has made durable that nothing refers to them. 0, -ENOMEM, -EIO: they
 * are not there.
 */
int staging_claim(struct staging *s, uint64_t ino, uint64_t place,
		  uint64_t length);
void staging_begin(struct staging *s);

/*
 * Writes behind all that there is, so that nothing that was recorded of it
 * changes, and tells where. The caller serialises the calls for one inode.
 * All of it: 0 or -errno (-ENOSPC, -EDQUOT, -EIO); so do the reads.
 */
int staging_append(struct staging *s, uint64_t ino, const void *data,
		   size_t len, uint64_t *ret_at);
/*
 * Whether staging_append() of so much would begin a file for an inode that has
 * bytes in the log: the caller moves these first, by staging_append_own().
 */
bool staging_outgrows(struct staging *s, uint64_t ino, size_t len);
/* As staging_append(), to the inode's own file in every case. */
int staging_append_own(struct staging *s, uint64_t ino, const void *data,
		       size_t len, uint64_t *ret_at);
/*
 * Of a file, bytes past its end, and holes, read as zeros. -ENOENT if there is
 * no such file; -EIO where the log does not have all of it.
 */
int staging_read(struct staging *s, uint64_t ino, uint64_t place, void *data,
		 size_t len);
/*
 * Punches a hole in the inode's file: the caller knows the bytes are unwanted
 * or in the bucket.
 */
int staging_punch(struct staging *s, uint64_t ino, uint64_t offset,
		  uint64_t length);
/*
 * Deletes the file, and gives up what the inode has in the log: the caller
 * knows the bucket holds its content.
 */
int staging_remove(struct staging *s, uint64_t ino);
/* Gives up what it has in the log alone: nothing durable refers to it. */
void staging_leave_log(struct staging *s, uint64_t ino);
/*
 * Gives room back that was given up in the log, where it is worth it, or,
 * hurried, where there is some. After staging_remove() and the like.
 */
void staging_tidy(struct staging *s, bool hurried);
/* What the inode has here: its file on disk, and its bytes in the log. */
uint64_t staging_inode_bytes(struct staging *s, uint64_t ino);
/*
 * A descriptor of its own for reading (the caller closes), and the offset in
 * it of a place. -ENOENT if there is no such file.
 */
int staging_dup(struct staging *s, uint64_t ino, uint64_t place, int *ret_fd,
		uint64_t *ret_offset);
/* A file without a name on the same disk, gone when it is closed. */
int staging_scratch(struct staging *s, int *ret_fd);
/* Writes to it, all of it. 0 or -errno. */
int staging_scratch_write(int fd, uint64_t offset, const void *data,
			  size_t len);
/*
 * Makes the inode's data durable (fdatasync). -ENOENT if it has none here.
 * Once the disk has failed to take data every later sync of it fails too,
 * until it is removed.
 */
int staging_sync(struct staging *s, uint64_t ino);
/*
 * Makes durable all that was written since the last call (the commit of meta
 * waits for it). 0 or the first -errno; those that failed stay listed.
 */
int staging_sync_all(struct staging *s);
/* Calls fn with each file's inode number; for the sweep at mount. */
int staging_each(struct staging *s, int (*fn)(void *ctx, uint64_t ino),
		 void *ctx);
/*
 * What all inodes have here: of files blocks on disk, kept as they change, of
 * the log bytes. What it takes besides is up to what is in it, and 1 MiB for
 * each segment.
 */
uint64_t staging_used_bytes(struct staging *s);

#endif
