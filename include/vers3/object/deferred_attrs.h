/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes that come late.
 *
 * S3 takes an object's metadata when a multipart upload begins
 * (CreateMultipartUpload); the modification time of a file that is still
 * being written is known at its end. Metadata cannot be changed after, except
 * by a copy, which is one more version. Tags can: they belong to a version
 * and are set on it. So an upload's metadata carries the mark `vers3-late`,
 * and where the attributes turn out to be others than those it began with,
 * the tag `vers3-attrs` of the version has them:
 *
 *	file-permissions file-owner file-group file-mtime mtime
 *
 * in this order, a blank between, each as in the metadata. Beside it the tag
 * `vers3-holes` has what the metadata of that name would say (sparse.h), where
 * it was not known yet; there is no other with that tag. Without the mark
 * in the metadata the tag means nothing: a copy with new metadata drops the
 * one and may keep the other.
 *
 * Any thread; no lock held where it says that it blocks, else pure. S3 API:
 * PutObjectTagging, GetObjectTagging, HeadObject.
 */
#ifndef VERS3_OBJECT_DEFERRED_ATTRS_H
#define VERS3_OBJECT_DEFERRED_ATTRS_H

#include <stdbool.h>

#include "vers3/store/store.h"
#include "vers3/util/kv.h"

#define LATE_MARK "vers3-late"
#define LATE_TAG  "vers3-attrs"

/*
 * Carries out a HEAD, and puts right in its reply's metadata what came late.
 * 0 or -errno as store_call(). Blocks.
 */
int deferred_head(struct store *store, struct store_request *head);
/*
 * Whether an object whose upload began with the metadata `began` can be made
 * to say `want` by a tag: they differ in what the tag carries, at most.
 * ret_needed: whether they differ at all.
 */
bool deferred_can(const struct kvlist *began, const struct kvlist *want,
		  bool *ret_needed);
/*
 * Sets the tag on a version (version_id NULL: on what the key holds). found:
 * it was not made just now, and may have other tags, which stay. 0 or -errno
 * as store_call(). Blocks.
 */
int deferred_put(struct store *store, const char *key, const char *version_id,
		 const struct kvlist *want, bool found);
/* Whether a tag is one of these two: none of a user's. */
bool deferred_is_tag(const char *name);
/* Copies all but those that say what these have. 0, -ENOMEM. */
int deferred_without(const struct kvlist *tags, struct kvlist *ret);

#endif
