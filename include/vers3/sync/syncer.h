/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The syncer: brings the bucket to the namespace, key by key (DESIGN.md,
 * "The one idea"). A scheduler thread takes keys that are due from the dirty
 * table and hands them to workers.
 *
 *	a key's life
 *	clean ──mark──▶ dirty ──due, quiet──▶ in flight ──done, same──▶ clean
 *	                  ▲                      │
 *	                  ├── done, but changed ─┤
 *	                  └── failed (backoff) ──┘
 *
 * Any thread. What waits for the bucket is called without a lock, and ends with
 * the thread's cancel (cancel.h). Paths are below the mount's prefix, sizes in
 * bytes, times realtime in ns.
 */
#ifndef VERS3_SYNC_SYNCER_H
#define VERS3_SYNC_SYNCER_H

#include "vers3/core/mount.h"

struct journal;
struct reader;
struct syncer;
struct tree;

/* Borrows all. 0 or -errno. */
int syncer_new(struct mount *mount, struct journal *journal,
	       struct reader *reader, struct tree *tree,
	       struct syncer **ret_syncer);
/*
 * Ends after what is in flight; sends nothing more. Once; then syncer_check()
 * and syncer_free() alone may follow. NULL is fine.
 */
void syncer_end(struct syncer *s);
/*
 * For tests: what is under way, in words that are constant; NULL: nothing, as
 * it has to be after syncer_end().
 */
const char *syncer_check(struct syncer *s);
/* After syncer_end(). NULL is fine. */
void syncer_free(struct syncer *s);

/*
 * A writer has closed the file, or its attributes were set by its name. If
 * nobody writes to it any more, it is due as commit_wait.h says. Without
 * meta_lock(), as the next.
 */
void syncer_written(struct syncer *s, uint64_t ino);
/* The same of what has got this name: its content is complete, perhaps. */
void syncer_renamed(struct syncer *s, uint64_t parent, const char *name);

/*
 * Waits until what the inode holds now is in the bucket under every name.
 * 0, or the error of a try that failed, its own or that of a key which it
 * waits for (it stays dirty and is retried); -ESHUTDOWN.
 */
int syncer_sync_inode(struct syncer *s, uint64_t ino);
/*
 * Waits until every change made so far is in the bucket, below path ("" for
 * all). 0; or the first error, once each that is left has failed or waits
 * for one that has; *ret_left counts those. -ESHUTDOWN.
 */
int syncer_sync_all(struct syncer *s, const char *path, uint64_t *ret_left);

/*
 * Makes room on this disk for so much to be staged: of what is cached, then of
 * what can be sent, which may take its time. 0, -ENOSPC, -EDQUOT. No lock held.
 */
int syncer_make_room(struct syncer *s, uint64_t bytes);
/*
 * Whether so much may be staged by and by: there is room, or what is sent
 * meanwhile will give it. As syncer_make_room(), but does not wait for it.
 */
int syncer_expect_room(struct syncer *s, uint64_t bytes);
/*
 * Whether an upload, of an object key, may be one of this mount's: being begun,
 * under way or to be gone on with, or one that it will abort by itself. Of an
 * upload that was listed before. Takes meta_lock().
 */
bool syncer_owns_upload(struct syncer *s, const char *key,
			const char *upload_id);
/* A part of some file has gone: for those who wait. Any lock may be held. */
void syncer_part_sent(struct syncer *s);

struct syncer_stats {
	uint64_t dirty_keys, in_flight;
	uint64_t waiting_writers; /* for room */
	uint64_t sent_bytes, puts, copies, deletes, failures;
	int64_t oldest_dirty_ns; /* realtime; 0: none */
	int error; /* newest failure's errno */
	char error_key[META_KEY_MAX + 1];
};
/* Not of one moment: the dirty table is walked in pieces. No lock held. */
void syncer_read_stats(struct syncer *s, struct syncer_stats *ret);

#endif
