/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing versions from the history: delete markers, so that what they hid
 * is there again; and versions, for good.
 *
 * Any thread, no lock held. Paths are below the mount's prefix. 0 or -errno of
 * store_call(). S3 API: DeleteObject with a version id.
 */
#ifndef VERS3_HISTORY_UNDELETE_H
#define VERS3_HISTORY_UNDELETE_H

#include "vers3/util/buf.h"

struct view;

/*
 * Removes one version or marker of a path; then what was known of the
 * history is asked for anew, and so is the name in the live tree. Waits for
 * the bucket.
 */
int undelete_remove(struct view *view, const char *path,
		    const char *version_id);
/* The request for that: of a whole key. What is gone already is no error. */
int undelete_version(struct view *view, const char *key,
		     const char *version_id);
/* The bucket has something else at a path: it is to be listed anew. */
int undelete_look_again(struct view *view, const char *path);
/*
 * Brings a deleted file back: removes the markers that stand before its last
 * version. Waits for the bucket. Appends one line for people to answer, of
 * success or of failure. -ENOENT: nothing to bring back; -EEXIST: it is not
 * deleted.
 */
int undelete(struct view *view, const char *path, struct buf *answer);

#endif
