/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a file came from: the first version that a rename makes under the new
 * name says which version of which key it was, in `vers3-renamed-from`, as S3
 * spells the source of a copy: KEY?versionId=ID, both percent-encoded.
 *
 * Any thread; no call waits. Paths are below the mount's prefix.
 */
#ifndef VERS3_OBJECT_RENAME_SOURCE_H
#define VERS3_OBJECT_RENAME_SOURCE_H

#include "vers3/core/mount.h"
#include "vers3/object/objattr.h"
#include "vers3/util/kv.h"

#define RENAMED_META "vers3-renamed-from"
#define RENAMED_MAX  OBJATTR_META_MAX

/*
 * Notes in an inode, that is about to be moved from one path to another, that
 * the version it is based on is not only its content but its past. With
 * meta_lock() held. 0 or -errno.
 */
int rename_source_note(struct mount *mount, const struct meta_inode *inode,
		       const char *from, const char *to);
/* Whether what is sent to a path is a version that a rename makes there. */
bool rename_source_is(const struct mount *mount, const struct meta_inode *inode,
		      const char *path);
/*
 * Adds to meta (names without prefix) that it was `from`; leaves it out where
 * there is no room for it. 0, -ENOMEM.
 */
int rename_source_add(const struct mount *mount,
		      const struct meta_version *from, struct kvlist *meta);
/*
 * What an object says, with its key below the mount's prefix. -ENODATA when it
 * says nothing, or of a place outside.
 */
int rename_source_tell(const struct mount *mount, const char *text,
		       struct buf *value);

#endif
