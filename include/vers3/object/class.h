/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The storage class that a user has named: of a file, whose next copy or save
 * gets it; of a directory, for what is made in it from then on, which is kept
 * in its object's metadata.
 *
 * Any thread; all need meta_lock(), and wait for nothing. 0 or -errno. S3 API:
 * CopyObject, PutObject, CreateMultipartUpload: x-amz-storage-class.
 */
#ifndef VERS3_OBJECT_CLASS_H
#define VERS3_OBJECT_CLASS_H

#include <stdbool.h>
#include <stddef.h>

#include "vers3/meta/inode.h"
#include "vers3/util/buf.h"
#include "vers3/util/kv.h"

struct mount;

#define CLASS_NAME_MAX 32
#define CLASS_WANTED   "vers3-class-wanted" /* in a head, to come; "" : none */
#define CLASS_META     "vers3-class" /* of a directory's object */

/* Whether text can be a class's name; the server knows which there are. */
bool class_is_name(const char *text, size_t size);
/*
 * Names it; class NULL, of a directory: none. *ret_same: it is that already,
 * and nothing has changed. -EREMOTE: a file that is archived cannot be copied.
 */
int class_set(struct mount *mount, const struct meta_inode *inode,
	      const char *class, bool *ret_same);
/* Appends the one that it has, or hands down; -ENODATA: none is known. */
int class_get(struct mount *mount, const struct meta_inode *inode,
	      struct buf *value);
/* Gives a new inode what its directory hands down. */
int class_inherit(struct mount *mount, const struct meta_inode *dir,
		  const struct meta_inode *inode);
/*
 * The object now has this head: whether the class that old has as wanted is
 * still to come. NULL: it is not.
 */
const char *class_to_come(uint32_t mode, const struct kvlist *old,
			  const struct kvlist *head);

#endif
