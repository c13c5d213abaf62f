/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One edit of the bucket's lifecycle: a read, a change and a write that S3
 * does not tie together, and a look at what came of it.
 */
#ifndef VERS3_SRC_CONTROL_BUCKET_EDIT_H
#define VERS3_SRC_CONTROL_BUCKET_EDIT_H

#include <stddef.h>

#include "vers3/core/bucket_config.h"

/*
 * Makes the new document of the one there is; doc is NULL when there is none.
 * An empty out means that there is to be none. 0, or -errno with a reason.
 */
typedef int (*bucket_edit_fn)(void *ctx, const char *doc, size_t len,
			      struct buf *out, char *reason, size_t size);

/*
 * Has the rule `id` edited (see bucket_edit_fn) until the bucket is seen to
 * hold it, beside whatever others change in other rules at the same time.
 * Where the server keeps another rule differently from how it was sent, what
 * was there before is put back. Waits for the bucket. 0 with the new document
 * in ret_doc (empty: none), or -errno with one line in reason (size bytes).
 */
int bucket_edit(struct store *store, const char *id, bucket_edit_fn edit,
		void *ctx, struct buf *ret_doc, char *reason, size_t size);
/*
 * The same for a bucket whose configuration is c: one edit at a time, and what
 * came of it is what is known then. 0 or -errno with one line in reason.
 */
int bucket_edit_lifecycle(struct bucket_config *c, struct store *store,
			  const char *id, bucket_edit_fn edit, void *ctx,
			  char *reason, size_t size);

#endif
