/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other writers. A change of a key is meant for what the bucket is known to
 * hold there; when somebody else has written or deleted it meanwhile, that is
 * a conflict (docs/conflicts.md):
 *
 *	we wanted to	they have	what happens		current is
 *	write		written		ours on top of theirs	ours
 *	write		deleted		ours anew		ours
 *	delete		written		the delete is given up	theirs
 *	delete		deleted		no conflict		nothing
 *
 * What stood there stays in the history; of a bucket that keeps no versions,
 * "ours on top of theirs" means that theirs is lost. The conflict is logged,
 * counted and listed in the control file.
 *
 * Any thread; what blocks is called without a lock. A struct conflict is the
 * caller's, one a request. S3 API: PutObject, CompleteMultipartUpload,
 * DeleteObjects (If-Match, If-None-Match); HeadObject.
 */
#ifndef VERS3_SYNC_CONFLICT_H
#define VERS3_SYNC_CONFLICT_H

#include <stdbool.h>

#include "vers3/core/mount.h"
#include "vers3/meta/dirty.h"
#include "vers3/util/pool.h"

struct syncer;

/* What a change of a key is meant for, and what was found instead. */
struct conflict {
	const char *path; /* borrowed: the key below the mount's prefix */
	const struct meta_inode *snap; /* borrowed: is sent; NULL: a delete */
	bool held; /* something is known to be there: */
	char etag[META_ETAG_MAX + 1];
	char version_id[META_VERSION_MAX + 1]; /* "" : not known */
	int64_t modified_ns; /* as lists show it; 0: not known */
	/*
	 * A failover or failback may have come between: the other of bucket and
	 * replica has the same bytes by another id and time.
	 */
	bool twins;
	/*
	 * An earlier try may have been carried out: the key is looked at
	 * before anything is sent. What is found is our own only if it is
	 * what is known, or one of `tried` (dirty.h).
	 */
	bool unsure;
	char tried[META_TRIED_MAX + 1];

	bool met; /* somebody else has changed it: */
	bool gone; /* nothing is there now */
	char theirs[META_VERSION_MAX + 1]; /* version; "" : not known */
	bool unseen; /* it must not be read: nothing can compare its ETag */
	/* It went out without a condition, or not for the first time: */
	bool bare; /* between.h */
	bool noted; /* conflict_sending() has noted this try in the record */
	bool open; /* it failed, and may have been carried out */
	/* The server's time before it went out, or earlier; 0: not known. */
	int64_t since_ns;
};

void conflict_init(struct conflict *c, const char *path,
		   const struct meta_version *known, bool unsure,
		   const char *tried);

/*
 * Notes in the keys' dirty records what requests that are about to go out
 * make of them: an ETag, "" where it cannot be told, META_TRIED_NOTHING. So
 * that whoever comes after a kill knows its own work from others'. A record
 * that is gone is passed over. What has come to a key since its snapshot may
 * be durable by now: then the note is, too, on return. 0, or why it could not
 * be noted: then nothing is to be sent. Takes meta_lock().
 */
int conflict_sending(struct syncer *s, struct conflict *const *list,
		     size_t count, const char *etag);

/*
 * Before a write of a key (PUT, COPY, COMPLETE_UPLOAD) is sent: gives the
 * request its condition, or, where the server takes none, makes sure that
 * what is known of the key is at most ttl old. 0, also when c->met says that
 * they have been faster; or why nothing could be learnt. Blocks.
 */
int conflict_guard(struct syncer *s, struct conflict *c,
		   struct store_request *r);
/*
 * A while before that, beside what else it waits for: the list that it may
 * need, so that it finds it young. Blocks.
 */
void conflict_expect(struct syncer *s, const struct conflict *c,
		     const struct store_request *r);
/*
 * After it: whether it was refused for its condition, so that it is to be
 * sent once more, without (the condition is taken off). Else *rc stands; it
 * becomes the error when that could not be found out. Blocks.
 */
bool conflict_refused(struct syncer *s, struct conflict *c,
		      struct store_request *r, int *rc);

/*
 * Deletes keys (items[i].key, the whole one, of list[i]), once each, however
 * many answers are lost. What has to be asked one by one is asked on pool.
 * items[i].result is 0 when the key holds nothing now, or when list[i].met:
 * then others have written it and it was left alone. 0 or -ENOMEM. Blocks.
 */
int conflict_delete(struct syncer *s, struct pool *pool, struct conflict *list,
		    struct store_delete *items, size_t count);

/*
 * Logs, counts and lists a conflict. ours: the version that was put on top
 * ("" when its id is not known), NULL when theirs was left. With meta_lock()
 * held.
 */
int conflict_note(struct syncer *s, const struct conflict *c, const char *ours);
/* Appends [conflicts] in git-config syntax. Takes meta_lock(). */
int conflict_write(struct syncer *s, struct buf *out);

#endif
