/* SPDX-License-Identifier: Apache-2.0 */
/* The extended attributes among an object's metadata; for objattr.c only. */
#ifndef VERS3_VFS_OBJXATTR_H
#define VERS3_VFS_OBJXATTR_H

#include "vers3/util/kv.h"
#include "vers3/vfs/objattr.h"

/* Unreadable ones are passed over. 0 or -ENOMEM. */
int objxattr_read(const struct kvlist *meta, struct objattr_xattrs *ret_xattrs);
/*
 * Replaces all that meta has: an attribute that was removed must go. x may be
 * NULL for none. 0, -ENOMEM, -ENOSPC, -E2BIG.
 */
int objxattr_write(const struct objattr_xattrs *x, struct kvlist *meta);

#endif
