/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One edit of the bucket's lifecycle: a read, a change and a write that S3
 * does not tie together, and a look at what came of it.
 */
#ifndef VERS3_VFS_BUCKET_EDIT_INTERNAL_H
#define VERS3_VFS_BUCKET_EDIT_INTERNAL_H

#include "bucket_config.h"

/*
 * Has the rule `id` edited (see bucket_edit_fn) until the bucket is seen to
 * hold it, beside whatever others change in other rules at the same time.
 * Where the server keeps another rule differently from how it was sent, what
 * was there before is put back. Waits for the bucket. 0 with the new document
 * in ret_doc (empty: none), or -errno with one line in reason (size bytes).
 */
int bucket_edit(struct store *store, const char *id, bucket_edit_fn edit,
		void *ctx, struct buf *ret_doc, char *reason, size_t size);

#endif
