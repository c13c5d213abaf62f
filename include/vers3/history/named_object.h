/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the path of a command names: a file or a directory of the live tree, or
 * one version by its path in `.versions`.
 *
 * Any thread, no lock held. What the namespace, or the view, knows is not asked
 * about, however old; for the rest it may wait for the bucket.
 */
#ifndef VERS3_HISTORY_NAMED_OBJECT_H
#define VERS3_HISTORY_NAMED_OBJECT_H

#include <stdbool.h>

#include "vers3/meta/inode.h"
#include "vers3/meta/meta.h"
#include "vers3/util/buf.h"

struct view;

struct named_object {
	char path[META_KEY_MAX + 1]; /* below the prefix; a file's is its key */
	char version_id[META_VERSION_MAX + 1]; /* "" : the present one */
	bool version; /* it is one of .versions */
	bool directory; /* of the live tree */
	bool unsent; /* what it is here is not in the bucket yet */
	bool held; /* the bucket has an object of this name */
};

/*
 * path: below the root of the mount, no slash at either end. 0, or -errno with
 * one line in answer, which names the path: -ENOENT nothing of this name,
 * -EISDIR a directory of .versions, -EINVAL a delete marker.
 */
int named_object_find(struct view *view, const char *path,
		      struct named_object *ret, struct buf *answer);

#endif
