/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extended attributes that an object's metadata has no room for: an object of
 * its own has them, PREFIX.vers3/xattrs/DIGEST, one a line:
 *
 *	user.colour=Ymx1ZQ==
 *
 * as metadata has them (objxattr.c). DIGEST is the SHA-256 of these bytes, in
 * hex, so an object of this kind never changes, is right for each file and
 * each version that names it, and nothing has to follow when one of these is
 * renamed, copied, restored or removed. The file's metadata names it:
 *
 *	vers3-xattrs: KEY[?versionId=ID][;rights]
 *
 * percent-encoded; "rights" where access lists or capabilities are in it,
 * which stay with the object as long as there is room (xsplit.h).
 *
 * What of a file is there only is not read until somebody asks for it: the
 * namespace has the reference in its stead, under OVERFLOW_XATTR.
 *
 * Any thread. Where it says that it blocks, no lock is held; lists are the
 * caller's. Sizes in bytes.
 */
#ifndef VERS3_OBJECT_OVERFLOW_H
#define VERS3_OBJECT_OVERFLOW_H

#include <stdbool.h>

#include "vers3/core/mount.h"
#include "vers3/object/objattr.h"

struct mount;

#define OVERFLOW_META "vers3-xattrs"
/* In the namespace: what the reference names was not read. No user's name. */
#define OVERFLOW_XATTR "vers3.away"

/* Whether text has the form of a reference; whether rights are behind it. */
bool overflow_is_ref(const char *text);
bool overflow_has_rights(const char *text);
/*
 * Bytes of metadata that a reference needs at most, its name included;
 * SIZE_MAX: below this prefix there can be none.
 */
size_t overflow_ref_bytes(const struct mount *mount);
/*
 * Has the bucket hold x; *ret_ref is the reference, owned by the caller. known:
 * the one that the object has; NULL: none. It is given back, without a request,
 * where it names the same and a version of it (or another place), and is no
 * longer than overflow_ref_bytes(). Blocks. 0 or -errno.
 */
int overflow_send(struct mount *mount, const struct objattr_xattrs *x,
		  const char *known, char **ret_ref);
/*
 * Adds to x what a reference names and x has not. Blocks. 0, -EIO when it
 * cannot be had, which is logged, and asked for anew after ttl, -ENOMEM,
 * -EINTR.
 */
int overflow_read(struct mount *mount, const char *ref,
		  struct objattr_xattrs *x);
/* Whether the bucket says of each place of it that there is nothing. Blocks. */
bool overflow_is_gone(struct mount *mount, const char *ref);
/*
 * Brings what is away into the namespace, if something is. Blocks. As
 * overflow_read(), -ESTALE.
 */
int overflow_load(struct mount *mount, uint64_t ino);
/*
 * Has the inode do without what is away, if the bucket says of each place where
 * it might be that there is nothing. Blocks. 0, -EIO when it may be there yet.
 */
int overflow_give_up(struct mount *mount, uint64_t ino);
/*
 * The reference to what is away, owned by the caller; NULL: nothing is. With
 * meta_lock() held. 0 or -errno.
 */
int overflow_away_ref(struct mount *mount, uint64_t ino, char **ret_ref);
enum overflow_part {
	OVERFLOW_ANY,
	OVERFLOW_RIGHTS, /* who may do what (acl.h) */
};
/* Whether something of it is away. With meta_lock() held. 0 or 1, -errno. */
int overflow_is_away(struct mount *mount, uint64_t ino,
		     enum overflow_part part);

#endif
