/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes with an object besides its bytes: metadata and headers.
 *
 * Any thread. What is made or read is the caller's, to be released in any case.
 * Calls that block hold no lock and are called with none; the others say when
 * they need meta_lock().
 */
#ifndef VERS3_OBJECT_OBJECT_META_H
#define VERS3_OBJECT_OBJECT_META_H

#include <stdbool.h>

#include "vers3/core/mount.h"
#include "vers3/object/objattr.h"
#include "vers3/util/kv.h"

/* In a head of what this mount saved, until it was asked for (states.h). */
#define OBJECT_META_UNASKED "vers3-unasked" /* no server's header */
/*
 * In a head of what the server does not tell it of: how its replication stands
 * as a look into the replica has shown, PENDING or COMPLETED (states.h).
 */
#define OBJECT_META_COMPARED "vers3-replica" /* no server's header */

struct object_meta {
	struct kvlist meta; /* names without x-amz-meta- */
	struct kvlist headers; /* that a rewrite sets again */
	bool late; /* it says so by a tag (deferred_attrs.h), or might */
	size_t tag_count; /* how many the object has (tags.h) */
	bool away; /* attributes that were not read are in its overflow */
	bool asked; /* it says so now, and not when it was looked at */
	char *renamed; /* owned: what it said of where it came from; NULL */
	char *names; /* owned: what it said of its names (link.h); NULL */
	char *holes; /* owned: what it said of its zeros (sparse.h); NULL */
	char *class; /* owned: what a user has named (class.h); NULL */
	char *expire; /* owned: the same of when it expires (expire.h) */
	bool had_tags; /* the object that new content replaces, as known */
};

void object_meta_init(struct object_meta *d);
void object_meta_release(struct object_meta *d);

enum object_content {
	OBJECT_CONTENT_KEPT, /* or copied */
	OBJECT_CONTENT_NEW, /* so no digest of the old bytes may stay */
};
/*
 * What the inode wants at a path: what the object carried, with its own
 * attributes, beside that content. Extended attributes without room there are
 * in the bucket when it returns (overflow.h). Blocks. 0 or -errno; release it
 * in any case.
 */
int object_meta_make(struct mount *mount, const struct meta_inode *inode,
		     const char *path, enum object_content content,
		     struct object_meta *d);
/*
 * The storage class that the object will have when the inode is sent as it is;
 * "" : the server's own. The string is cut to size. With meta_lock() held. 0 or
 * -errno.
 */
int object_meta_class(struct mount *mount, const struct meta_inode *inode,
		      char *ret_class, size_t size);
/*
 * Whether what goes with an inode fits, and will whatever becomes of its owner,
 * times and names later: to be asked before a call that changes one of these
 * returns. With meta_lock() held. 0, -ENOSPC or -errno.
 */
int object_meta_check(struct mount *mount, const struct meta_inode *inode);
/*
 * What goes with a copy of the whole version that the inode is based on;
 * *ret_replace: false when the source's metadata goes along as it is. For a
 * path that the inode was renamed to before its attributes were ever asked
 * for, they are, and go on as they are. Where versioning is suspended nothing
 * goes along by itself (upload.c), and attributes that cannot be asked for are
 * an error. Blocks.
 */
int object_meta_copy(struct mount *mount, const struct meta_inode *inode,
		     const char *path, struct object_meta *d,
		     bool *ret_replace);
/* What the object that the inode is based on carried, and its xattrs now. */
int object_meta_read(struct mount *mount, uint64_t ino, struct object_meta *d,
		     struct objattr_xattrs *x);
/* The same with meta_lock() held. */
int object_meta_read_locked(struct mount *mount, uint64_t ino,
			    struct object_meta *d, struct objattr_xattrs *x);
/* What goes with an object, as meta_head_put() takes it. */
int object_meta_head_of(const struct store_object *o, struct kvlist *head);
/* The same of what was sent, whose states nobody has asked for (states.h). */
int object_meta_to_head(const struct object_meta *d, struct kvlist *head);
/*
 * The bucket holds an object with this head, made of the inode: keeps that and
 * what it names; the caller puts the inode. With meta_lock() held. 0, -ENOMEM,
 * -EIO.
 */
int object_meta_note_head(struct mount *mount, struct meta_inode *inode,
			  const struct kvlist *head);
/* Whether two lists hold the same pairs, in any order. */
bool object_meta_same(const struct kvlist *a, const struct kvlist *b);
/*
 * Whether two objects, as they were read, say the same of everything but of
 * where they are kept.
 */
bool object_meta_same_object(const struct object_meta *a,
			     const struct object_meta *b);

#endif
