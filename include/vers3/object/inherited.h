/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a user has said of a directory for what is made in it from then on: the
 * storage class (class.h), and after how many days it expires (expire.h). Such
 * a word stands
 *
 *	in the head of an inode		as a note of what is to come, until an
 *					object carries it
 *	in a directory's object		in its metadata
 *
 * Any thread. 0 or -errno.
 */
#ifndef VERS3_OBJECT_INHERITED_H
#define VERS3_OBJECT_INHERITED_H

#include <stdint.h>

#include "vers3/meta/inode.h"
#include "vers3/util/kv.h"

struct mount;

/* Notes in a head, of what is to come; "": that there is none. */
#define CLASS_WANTED  "vers3-class-wanted"
#define EXPIRE_WANTED "vers3-expire-wanted"
/* Metadata of a directory's object. */
#define CLASS_META  "vers3-class"
#define EXPIRE_META "vers3-expire"

enum inherited {
	INHERITED_CLASS,
	INHERITED_EXPIRE,
};

/*
 * The note, or else what a directory's object says: of the list; NULL: neither
 * is there. Pure.
 */
const char *inherited_known(enum inherited word, uint32_t mode,
			    const struct kvlist *head);
/* What a directory's object with this head says; NULL: nothing. Pure. */
const char *inherited_carried(enum inherited word, const struct kvlist *head);

/* These need meta_lock(), and wait for nothing. */

/* Reads the head of an inode, which may have none, into an empty list. */
int inherited_head(struct mount *mount, uint64_t ino, struct kvlist *ret_head);
/* Gives a new inode, which has no head yet, what its directory hands down. */
int inherited_give(struct mount *mount, uint64_t dir,
		   const struct meta_inode *inode);

#endif
