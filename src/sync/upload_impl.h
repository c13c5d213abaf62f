/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the uploader: its state, shared by upload.c (objects sent as one)
 * and multipart.c.
 */
#ifndef VERS3_SRC_SYNC_UPLOAD_IMPL_H
#define VERS3_SRC_SYNC_UPLOAD_IMPL_H

#include <semaphore.h>
#include <stdatomic.h>

#include "send.h"
#include "upload.h"
#include "vers3/object/object_meta.h"
#include "vers3/tree/file_snapshot.h"

struct syncer;

#define PART_THREADS 32 /* half a MiB each while they send */
#define UPLOAD_LOOKS 3 /* as often is sent what is not there then */

struct answered;
struct upload_record;
struct upload_record_part;
struct streams;
struct zeros;

struct uploader {
	struct syncer *s; /* borrowed */
	struct pool *parts; /* owned */
	struct streams *streams; /* owned: files sent while written */
	struct zeros *zeros; /* owned: parts that are holes */
	struct answered *answered; /* owned: saves to be looked at */
	sem_t big; /* large buffers left */
	atomic_bool ending; /* what is not needed is left to the next mount */
	atomic_bool
		no_deferred; /* versions take no tags here (deferred_attrs.h) */
	atomic_bool no_sum; /* uploads in parts take no check of the whole */
	atomic_bool no_sum_news; /* to be remembered if one ends without */
};

/*
 * Memory for what is to be sent; waits while many large ones are out. NULL
 * without memory; given back with its size.
 */
void *upload_buffer_get(struct uploader *u, uint64_t size);
void upload_buffer_put(struct uploader *u, void *p, uint64_t size);
/*
 * Whether the file is still there: 0, or -EAGAIN, and nothing of it need be
 * sent any more.
 */
int upload_check_there(struct syncer *s, const struct meta_inode *snap);
/*
 * The version that an answer speaks of; may ask for its id. meta: what went
 * with it, NULL where that is not known.
 */
int upload_take_reply(struct syncer *s, const struct store_object *o,
		      const char *path, const char *key, uint64_t size,
		      const struct kvlist *meta, struct meta_version *ver);
/* After -ESTALE: what is there or is not, at the next try, came of this one. */
void upload_expect_own(struct conflict *c, const char *etag);
/*
 * Sends what changes a key: once, and on the condition that it holds what is
 * known. As send_once().
 */
int upload_send(struct syncer *s, struct store_request *r,
		const struct send_want *want, struct conflict *c);
/* What is to be there when a save is looked at. */
struct upload_made {
	const char *key; /* in the bucket */
	uint64_t size_bytes;
	const struct kvlist *meta; /* what went with it, if known, or NULL */
	bool strict; /* without that it is a reference to another object, */
	bool last; /* unless it is young: nothing else is left to try */
};

/*
 * upload_send(), the version that the answer speaks of, and, where versioning
 * is suspended, a look whether it is there. What an earlier try has sent, and
 * could not look at, is looked at alone. 0; -ESTALE: it is not there; or why
 * it cannot be said. *ret_version has a key once it was answered. Blocks.
 */
int upload_make(struct uploader *u, struct store_request *r,
		const struct send_want *want, const struct upload_made *made,
		struct conflict *c, struct meta_version *ret_version);
/* What goes along with a part of an upload. */
enum store_sum upload_part_sum(const struct syncer *s,
			       const struct upload_record *o);
/*
 * What became of a request of an upload: rc, or -ESTALE: the server does not
 * know the upload, or a part of it, or not what it began with.
 */
int upload_error(struct uploader *u, const struct upload_record *o,
		 const struct store_request *r, int rc);
/*
 * What objects are encrypted by now, as headers of an upload's begin: an upload
 * under another setting is not gone on with. 0, -ENOMEM.
 */
int upload_add_encryption(const struct syncer *s, struct kvlist *headers);
bool upload_has_encryption(const struct syncer *s,
			   const struct upload_record *o);
/* Whether one that began like this can come to its end. */
bool upload_can_end(const struct uploader *u, const struct upload_record *o);
/* Begins an upload to o->key with what o->began says, and notes it. */
int upload_begin(struct uploader *u, uint64_t ino, struct upload_record *o);
/*
 * Sends a part that is staged in one piece, from `place` on;
 * notes it. part: all but its ETag.
 */
int upload_staged(struct uploader *u, const struct upload_record *o,
		  uint64_t ino, uint64_t place,
		  struct upload_record_part *part);
/* Notes a part that the server has taken: r is its request. */
int upload_note_part(struct uploader *u, uint64_t ino, const char *upload_id,
		     const struct store_request *r,
		     struct upload_record_part *part);
/* Names the version to copy from; source is its object's key. */
void upload_set_source(struct store_request *r, const struct meta_version *ver,
		       const char *source);
/* Sends a small file, or what is none, with what goes with it. */
int upload_put_with_meta(struct uploader *u, const struct file_snapshot *snap,
			 const char *key, struct object_meta *d,
			 struct conflict *c, struct upload_result *ret);

#endif
