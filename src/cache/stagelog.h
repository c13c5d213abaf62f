/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The staging log: what is staged of small files, one append behind the other
 * whosever it is, in segments DIR/staging/log/<8 hex>. So a small file costs
 * no file here, and many are durable with one sync.
 *
 * A place in it is META_LOG_AT + (number of the segment << 32) + offset. Bytes
 * at a place never change, and no place is ever given twice, not even by
 * another mount: the number of a segment is higher than all before it, and the
 * file with the highest stays, be it empty.
 *
 *	a segment	is written to	leaves the state
 *	current		yes		full, not synced for an error, or with
 *					IDLE_BYTES of nobody: sealed
 *	sealed		no		nobody has bytes in it: unlinked; the
 *					highest is cut to nothing instead, and
 *					goes when there is a higher one
 *
 * What an inode has in the log is its claim. An append makes one before the
 * bytes are written, and at a mount the extents are told (stagelog_claim()).
 * Until stagelog_release() it keeps its bytes where they are. What nobody
 * claims is given back: a segment as a whole, or holes in it, so that a few
 * small files that cannot be sent do not keep it all.
 *
 * Any thread.
 */
#ifndef VERS3_SRC_CACHE_STAGELOG_H
#define VERS3_SRC_CACHE_STAGELOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STAGELOG_APPEND_MAX  (UINT32_C(64) << 10) /* larger ones are refused */
#define STAGELOG_INODE_MAX   (UINT32_C(256) << 10) /* of one inode */
#define STAGELOG_APPENDS_MAX 1024 /* likewise */
#define STAGELOG_SEGMENT_MAX (UINT32_C(64) << 20)
#define STAGELOG_IDLE_BYTES  (UINT32_C(1) << 20)

struct stagelog;

/* dir_fd: borrowed: DIR/staging. Opens or makes its log. 0 or -errno. */
int stagelog_open(int dir_fd, struct stagelog **ret_log);
/* NULL is fine. */
void stagelog_close(struct stagelog *l);

/*
 * A claim of a mount before. Until stagelog_begin() nothing is given back.
 * 0, -ENOMEM, -EIO: it is of no segment that is here.
 */
int stagelog_claim(struct stagelog *l, uint64_t ino, uint64_t place,
		   uint64_t length);
/*
 * All were told, and nothing durable speaks of what is not claimed: that may
 * be given back from now on.
 */
void stagelog_begin(struct stagelog *l);

/* Whether len more bytes of the inode may go here. */
bool stagelog_fits(struct stagelog *l, uint64_t ino, size_t len);
/*
 * Writes them, and tells where. 0 or -errno (-ENOSPC, -EDQUOT, -EIO): then the
 * inode has what it had.
 */
int stagelog_append(struct stagelog *l, uint64_t ino, const void *data,
		    size_t len, uint64_t *ret_at);
/* All of it, or -errno; -EIO where the bytes are not there. */
int stagelog_read(struct stagelog *l, uint64_t place, void *data, size_t len);
/*
 * A descriptor for reading (the caller closes), and where in it the place is.
 * -ENOENT: the segment is gone.
 */
int stagelog_dup(struct stagelog *l, uint64_t place, int *ret_fd,
		 uint64_t *ret_offset);
/*
 * Makes durable what was written before, of the inode, or of all (0). Those
 * who ask at once share one fdatasync. 0 or the first -errno: a segment whose
 * data the disk has failed to take fails for ever.
 */
int stagelog_sync(struct stagelog *l, uint64_t ino);

/*
 * Forgets the inode's claim: the caller knows that no durable extent and no
 * reader needs its bytes any more. The room is given back with
 * stagelog_tidy().
 */
void stagelog_release(struct stagelog *l, uint64_t ino);
/*
 * Gives back what nobody claims: segments, and in others what is worth a
 * hole; hurried: any.
 */
void stagelog_tidy(struct stagelog *l, bool hurried);

/* All of it, to any file: 0 or -errno. */
int stagelog_write(int fd, const char *from, size_t len, uint64_t offset);

/* What is claimed of it, by the inode or by all. */
uint64_t stagelog_inode_bytes(struct stagelog *l, uint64_t ino);
uint64_t stagelog_used_bytes(struct stagelog *l);

#endif
