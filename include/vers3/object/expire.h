/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a file expires, as a user has named it: so many days after its last
 * save, which the server carries out by a lifecycle rule for a tag
 * (control/expire_rule.h).
 *
 *	a version	its tag vers3-expire=7d
 *	a directory	vers3-expire in its object's metadata: for what is
 *			made in it from then on (inherited.h); it does not
 *			expire itself
 *	not saved yet	a note in the inode's head, for the next save
 *
 * New content of a file gets what the version before it has. The tag may have
 * been set by others, which no list shows; so it is asked for before each save
 * that replaces a version, in a bucket that has such a rule. The value is
 * days with a "d", or "" for never.
 *
 * Any thread. 0 or -errno. S3 API: GetObjectTagging, PutObjectTagging.
 */
#ifndef VERS3_OBJECT_EXPIRE_H
#define VERS3_OBJECT_EXPIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vers3/meta/inode.h"
#include "vers3/util/buf.h"
#include "vers3/util/kv.h"

struct mount;

#define EXPIRE_TAG	"vers3-expire"
#define EXPIRE_GIVEN	"vers3-expire-given" /* in what was sent, no header */
#define EXPIRE_DAYS_MAX 36500
#define EXPIRE_TEXT_MAX 16

/*
 * Reads "7d", "2w", "48h" or "never": whole days, since S3 counts no others.
 * ret_text needs EXPIRE_TEXT_MAX bytes. 0 or -EINVAL. Pure.
 */
int expire_parse(const char *text, size_t size, char *ret_text);
/* The days of such a value, in digits and "d"; 0: it is none. Pure. */
unsigned expire_days(const char *text);

/*
 * Sets it on a version that is in the bucket, whose other tags stay. -ENODATA:
 * it is in no bucket; -ENOSPC: it has as many tags as there can be. Blocks, no
 * lock held.
 */
int expire_set_version(struct mount *mount, const struct meta_version *version,
		       const char *text);
/* Appends a version's; -ENODATA: never. Blocks, no lock held. */
int expire_get_version(struct mount *mount, const struct meta_version *version,
		       struct buf *value);

/* These need meta_lock(), and wait for nothing. */

/* Notes it for the next save. *ret_same: nothing has changed. */
int expire_note(struct mount *mount, const struct meta_inode *inode,
		const char *text, bool *ret_same);
/*
 * Appends what is to come, or what a directory hands down, "" for never;
 * -ENODATA: nothing is known here.
 */
int expire_known(struct mount *mount, const struct meta_inode *inode,
		 struct buf *value);

/*
 * The object now has this head: whether what old has as wanted is still to
 * come. NULL: it is not.
 */
const char *expire_to_come(uint32_t mode, const struct kvlist *old,
			   const struct kvlist *head);

/* Whether the bucket has a rule for such a tag, as far as is known. Blocks. */
bool expire_is_used(struct mount *mount);
/* Has a list of tags say text instead of what it says; NULL: as it is. */
int expire_put(struct kvlist *tags, const char *text);
/* Takes all other tags out of a list. */
int expire_keep_only(struct kvlist *tags);

#endif
