/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The storage class that a user has named: of a file, whose next copy or save
 * gets it; of a directory, for what is made in it from then on (inherited.h).
 *
 * Any thread. 0 or -errno. S3 API: CopyObject, PutObject,
 * CreateMultipartUpload: x-amz-storage-class.
 */
#ifndef VERS3_OBJECT_CLASS_H
#define VERS3_OBJECT_CLASS_H

#include <stdbool.h>
#include <stddef.h>

#include "vers3/meta/inode.h"
#include "vers3/util/kv.h"

struct mount;

#define CLASS_NAME_MAX 32

/* Whether text can be a class's name; the server knows which there are. */
bool class_is_name(const char *text, size_t size);
/*
 * Names it; class NULL, of a directory: none. *ret_same: it is that already,
 * and nothing has changed. -EREMOTE: a file that is archived cannot be copied.
 * Needs meta_lock(), waits for nothing.
 */
int class_set(struct mount *mount, const struct meta_inode *inode,
	      const char *class, bool *ret_same);
/*
 * The one that an inode with this head has, or hands down: of the list; NULL:
 * none is known. Pure.
 */
const char *class_known(const struct meta_inode *inode,
			const struct kvlist *head);
/*
 * The object now has this head: whether the class that old has as wanted is
 * still to come. NULL: it is not. Pure.
 */
const char *class_to_come(uint32_t mode, const struct kvlist *old,
			  const struct kvlist *head);

#endif
