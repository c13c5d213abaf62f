/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing one inode to one key: PUT, server-side copy, or a multipart
 * upload of staged and copied parts. Each makes a version of what a snapshot
 * of the inode holds, whatever becomes of the file meanwhile; -EAGAIN when
 * that is of no use any more (it was deleted) or is to be tried anew, before
 * anything became visible in the bucket. Blocks on the network; no lock is
 * held then.
 */
#ifndef VERS3_SRC_SYNC_UPLOAD_H
#define VERS3_SRC_SYNC_UPLOAD_H

#include "vers3/meta/holes.h"
#include "vers3/sync/conflict.h"
#include "vers3/util/kv.h"

struct syncer;

struct file_snapshot;
struct uploader;

int uploader_new(struct syncer *s, struct uploader **ret_uploader);
/* Ends after what is on its way. Once; then only uploader_free(). */
void uploader_end(struct uploader *u);
/* As syncer_check(). */
const char *uploader_check(struct uploader *u);
/* After uploader_end(). NULL is fine. */
void uploader_free(struct uploader *u);

/* The version that the bucket holds now, and what went with it. */
struct upload_result {
	struct meta_version version;
	struct kvlist head; /* owned; as meta_head_put() takes it */
	struct holes holes; /* that it is known to have */
	uint64_t sent_bytes;
	bool attrs_differ; /* the version says others than the snapshot's */
};
void upload_result_init(struct upload_result *r);
void upload_result_release(struct upload_result *r);

/*
 * c names the key below the mount's prefix and what it is
 * known to hold. With c->unsure, an earlier try may have been carried out, so
 * the bucket is asked first whether it holds just this. Where others have
 * written the key, c->met tells, and ours is put on top of theirs.
 */
int upload_put(struct uploader *u, const struct file_snapshot *snap,
	       struct conflict *c, struct upload_result *ret);
int upload_copy(struct uploader *u, const struct file_snapshot *snap,
		struct conflict *c, struct upload_result *ret);
int upload_parts(struct uploader *u, const struct file_snapshot *snap,
		 struct conflict *c, struct upload_result *ret);
/*
 * Whether the object that the inode is based on says already what its
 * attributes say (a time was changed and set back); then ret is filled as
 * after a save.
 */
bool upload_is_same(struct uploader *u, const struct meta_inode *inode,
		    const char *path, struct upload_result *ret);
/* The file was written to: what of it is whole may go. Never blocks. */
void upload_written(struct uploader *u, const struct meta_inode *inode);
/*
 * What is staged of an inode goes away, or is saved: what was sent of it and
 * is not a version is given up. With meta_lock() held, in the same change.
 */
int upload_abandon_locked(struct uploader *u, uint64_t ino);
/*
 * Has the uploads that earlier mounts began and did not end aborted, some time;
 * before this one begins any. Asks nothing of the bucket itself.
 */
void upload_abort_leftovers(struct uploader *u);
/* The mount ends: what can wait for the next one is not begun. */
void upload_ending(struct uploader *u);

#endif
