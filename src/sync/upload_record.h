/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Multipart uploads that have begun and not ended, as the namespace remembers
 * them, so that a change of the file, a failure or a restart costs no part
 * that is still right. One an inode. In META_SYS:
 *
 *	upload:<upload id>		its key: to be aborted unless it ended
 *	ongoing:<inode>			key, upload id, what its parts carry
 *	ongoing:<inode>:meta, :headers	what went with its begin
 *	ongoing:<inode>:<number>	length, fingerprint, ETag of a part
 *	ongoing:<inode>:end		what its end was to make: the result
 *					may be there already after a crash
 *
 * A part's fingerprint is a digest of where its bytes come from: places in
 * staging, ranges of the base version, zeros. Neither a place nor a version
 * ever changes its bytes while the inode has any staged, so a part whose
 * fingerprint is the same holds what the file holds. Whoever removes what is
 * staged, or its extents, forgets the upload in the same change.
 *
 * Calls take meta_lock() themselves unless they say otherwise.
 */
#ifndef VERS3_SRC_SYNC_UPLOAD_RECORD_H
#define VERS3_SRC_SYNC_UPLOAD_RECORD_H

#include "plan.h"
#include "send.h"
#include "vers3/object/object_meta.h"

struct syncer;

#define UPLOAD_FINGERPRINT_SIZE 32 /* SHA-256 */
#define UPLOAD_ID_MAX		400 /* AWS: about 130 characters */

struct upload_record {
	char key[META_KEY_MAX + 1]; /* in the bucket */
	char upload_id[UPLOAD_ID_MAX + 1];
	enum store_sum sum; /* its parts'; the whole's check is kept, if any */
	struct object_meta began; /* owned: metadata and headers of its begin */
};
void upload_record_init(struct upload_record *o);
void upload_record_release(struct upload_record *o);

struct upload_record_part {
	unsigned number;
	uint64_t length;
	unsigned char fingerprint[UPLOAD_FINGERPRINT_SIZE];
	char etag[META_ETAG_MAX + 1];
};

/* 0, -ENOENT, -EIO, -ENOMEM. o is initialised. */
int upload_record_read(struct syncer *s, uint64_t ino, struct upload_record *o);
int upload_record_read_locked(struct meta *meta, uint64_t ino,
			      struct upload_record *o);
/* Notes one that has just begun, instead of any other of this inode. */
int upload_record_begin(struct syncer *s, uint64_t ino,
			const struct upload_record *o);
/* Forgets what is known of an inode's upload; with meta_lock() held. */
int upload_record_forget_locked(struct meta *meta, uint64_t ino);
/* The upload was completed or aborted. */
void upload_record_ended(struct syncer *s, const char *upload_id);
/* Whether it was; with meta_lock() held. */
bool upload_record_is_ended(struct meta *meta, const char *upload_id);
/* Notes a part, if this upload is still the inode's. 0, -EAGAIN, -EIO. */
int upload_record_part_put(struct syncer *s, uint64_t ino,
			   const char *upload_id,
			   const struct upload_record_part *p);
/*
 * Where a part's bytes come from, in a file with these extents (sorted; those
 * that the part meets are enough). *ret_place: where they stand in the staging
 * file if they stand there in one piece, else UINT64_MAX. 0 or -ENOMEM. Pure.
 */
int upload_record_fingerprint(
	const struct meta_inode *inode, const struct meta_extent *list,
	size_t count, const struct plan_part *p,
	unsigned char fingerprint[UPLOAD_FINGERPRINT_SIZE],
	uint64_t *ret_place);
/* What completing it makes. */
struct upload_record_end {
	uint64_t data_change; /* of the content */
	char etag[SEND_ETAG_SIZE];
	char path[META_KEY_MAX + 1];
};
/* Notes it, durably. 0, -EIO. */
int upload_record_end_put(struct syncer *s, uint64_t ino,
			  const struct upload_record_end *e);
/* 0, -ENOENT, -EIO. */
int upload_record_end_get(struct syncer *s, uint64_t ino,
			  struct upload_record_end *ret);
/* It was not made, or what it made is noted. */
void upload_record_end_del(struct syncer *s, uint64_t ino);

/* 0 with p->etag when the upload holds a part like p; else -ENOENT. */
int upload_record_part_get(struct syncer *s, uint64_t ino,
			   struct upload_record_part *p);
/*
 * The next upload to be aborted, after `id` ("" : the first): those that
 * belong to no inode with staged bytes, whose record is forgotten with it.
 * The buffers hold META_KEY_BUF and META_KEY_MAX + 1 bytes. 0, -ENOENT.
 */
int upload_record_next_leftover(struct syncer *s, char *id, char *ret_key);

#endif
