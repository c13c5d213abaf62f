/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tags of versions. A server-side copy takes them along; one that replaces
 * the metadata does so on Amazon; Ceph drops them, also when they are named
 * (x-amz-tagging). So they are set again.
 */
#ifndef VERS3_VFS_TAGS_INTERNAL_H
#define VERS3_VFS_TAGS_INTERNAL_H

#include "dress.h"
#include "vers3/store/store.h"
#include "vers3/util/kv.h"
#include "vers3/vfs/conflict.h"
#include "vers3/vfs/vfs.h"

#define TAGS_HEADER "x-amz-tagging-count" /* of HEAD; absent for none */

/* Reads a version's tags, in their order. 0 or -errno. Blocks. */
int tags_get(struct store *store, const char *key, const char *version_id,
	     struct kvlist *tags);
/* Gives a version these and no others. 0 or -errno. Blocks. */
int tags_put(struct store *store, const char *key, const char *version_id,
	     const struct kvlist *tags);
/* Copies all but those of a name. 0, -ENOMEM. */
int tags_without(const struct kvlist *tags, const char *name,
		 struct kvlist *ret);
/*
 * Gives the version `to` at `key` the tags of the one that `in` is based on,
 * whose object is `source`: it is a copy of that. Asks only where there may be
 * some; d tells of its object, and gets the number of tags. 0 or -errno.
 * Blocks.
 */
int tags_carry(struct vfs *v, const struct meta_inode *in,
	       const struct conflict *c, const char *source, const char *key,
	       const struct meta_version *to, struct dress *d);

#endif
