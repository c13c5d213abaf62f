/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One edit of the bucket's lifecycle: a read, a change and a write that S3
 * does not tie together, and a look at what came of it.
 */
#ifndef VERS3_SRC_CONTROL_LIFECYCLE_CHANGE_H
#define VERS3_SRC_CONTROL_LIFECYCLE_CHANGE_H

#include <stddef.h>

#include "vers3/core/bucket_config.h"

/*
 * Makes the new document of the one there is; doc is NULL when there is none.
 * An empty out means that there is to be none. 0, or -errno with a reason.
 */
typedef int (*lifecycle_change_fn)(void *ctx, const char *doc, size_t len,
				   struct buf *out, char *reason, size_t size);

/*
 * Has the rule `id` edited (see lifecycle_change_fn) until the bucket is seen
 * to hold it, beside whatever others change in other rules at the same time.
 * Who changes this rule meanwhile keeps what they have set: -EBUSY. Where the
 * server keeps another rule differently from how it was sent, what was there
 * before is put back. Waits for the bucket. 0 with the new document in ret_doc
 * (empty: none) and one line on how it was checked in reason (size bytes); or
 * -errno with one on why.
 */
int lifecycle_change(struct store *store, const char *id,
		     lifecycle_change_fn edit, void *ctx, struct buf *ret_doc,
		     char *reason, size_t size);
/*
 * The same for a bucket whose configuration is c: one edit at a time, and what
 * came of it is what is known then. 0 or -errno, with one line in reason.
 */
int lifecycle_change_bucket(struct bucket_config *c, struct store *store,
			    const char *id, lifecycle_change_fn edit, void *ctx,
			    char *reason, size_t size);
/*
 * What the edit would change, as lifecycle_diff() has it; nothing where it
 * changes nothing. 0, or -errno with one line in reason.
 */
int lifecycle_change_preview(struct store *store, lifecycle_change_fn edit,
			     void *ctx, struct buf *ret_diff, char *reason,
			     size_t size);

#endif
