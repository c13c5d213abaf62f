/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes as text, among an object's metadata or apart. */
#ifndef VERS3_SRC_OBJECT_OBJXATTR_H
#define VERS3_SRC_OBJECT_OBJXATTR_H

#include "vers3/object/objattr.h"
#include "vers3/util/buf.h"
#include "vers3/util/kv.h"

/* Unreadable ones are passed over. 0 or -ENOMEM. */
int objxattr_read(const struct kvlist *meta, struct objattr_xattrs *ret_xattrs);
/*
 * Replaces all that meta has: an attribute that was removed must go. x may be
 * NULL for none. 0, -ENOMEM, -ENOSPC, -E2BIG.
 */
int objxattr_write(const struct objattr_xattrs *x, struct kvlist *meta);
/* The same as lines, each with its end. 0, -ENOMEM, -ENOSPC. */
int objxattr_pack(const struct objattr_xattrs *x, struct buf *text);
/*
 * Adds to x what such a text has and x has not; unreadable lines are passed
 * over. text: without NULs. 0 or -ENOMEM.
 */
int objxattr_unpack(char *text, struct objattr_xattrs *x);

#endif
