/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bucket's own configuration, as documents: its lifecycle, its
 * replication, and how full it is. Asked for by a thread of its own, so that
 * who wants to know waits only for a moment and then gets what is known.
 *
 * Texts are appended to the caller's buffers; reason is the caller's. Any
 * thread; no lock held, as a call may wait. S3 API:
 * GetBucketLifecycleConfiguration, GetBucketReplication, HeadBucket.
 */
#ifndef VERS3_CORE_BUCKET_CONFIG_H
#define VERS3_CORE_BUCKET_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "vers3/store/store.h"
#include "vers3/util/buf.h"

#define BUCKET_REASON_MAX 256

struct bucket_config;

enum bucket_document {
	BUCKET_LIFECYCLE,
	BUCKET_REPLICATION,
	BUCKET_USAGE, /* lines "HEADER VALUE": see capacity.h */
	BUCKET_DOCUMENTS,
};

/* Borrows the store. An answer is used for ttl_ns. 0 or -errno. */
int bucket_config_new(struct store *store, int64_t ttl_ns,
		      struct bucket_config **ret_config);
/* Waits for what is being asked. NULL is fine. */
void bucket_config_free(struct bucket_config *c);

/* Starts to ask for a document that is too old, and does not wait. */
void bucket_config_refresh(struct bucket_config *c, enum bucket_document which);
/*
 * Appends the document to doc, nothing when the bucket has none. 0; or why
 * it could not be asked for, with one line in reason (size bytes), and what
 * was known before appended all the same.
 */
int bucket_config_get(struct bucket_config *c, enum bucket_document which,
		      struct buf *doc, char *reason, size_t size);
/*
 * The same for who does not wait, but where nothing was ever answered: what is
 * known, which may be nothing.
 */
int bucket_config_peek(struct bucket_config *c, enum bucket_document which,
		       struct buf *doc);

/*
 * One edit of the lifecycle at a time, which is a read and a write that belong
 * together: until bucket_config_end_edit(). 0 or -EINTR. Waits for others'.
 */
int bucket_config_begin_edit(struct bucket_config *c);
/* doc: what there is now (empty: none), as it was sent; NULL: as it was. */
void bucket_config_end_edit(struct bucket_config *c, struct buf *doc);

#endif
