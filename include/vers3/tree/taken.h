/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What others, or a rule of the bucket, have taken the name of while it is in
 * use here: a file that is open for writing, a directory that the kernel knows.
 * It is without a name then. A change of the file, or a name that is made in
 * the directory, was meant for the place where it stood: there it comes back,
 * with the directories that lead there.
 *
 * Any thread; none waits for the bucket. Inodes are the caller's copies,
 * written back where it says so.
 */
#ifndef VERS3_TREE_TAKEN_H
#define VERS3_TREE_TAKEN_H

#include <stdbool.h>

#include "vers3/core/mount.h"

struct tree;

/*
 * Drops an inode whose last name, at path, others have taken; the caller says
 * why its bytes may go, as with dir_drop_inode(). With meta_lock() held.
 */
int taken_drop(struct tree *tree, struct meta_inode *inode, const char *path);
/*
 * Gives an inode without names that was taken its name again; it is written and
 * its key marked. base_bytes: how much of its base it still needs. With
 * meta_lock() held. -ENOENT: it was not taken, or is a file that must not come
 * back: this mount has changed or removed something there since. -ESTALE: the
 * same of a directory. -EIO: the bucket keeps nothing of what it needs.
 */
int taken_back(struct tree *tree, struct meta_inode *inode,
	       uint64_t base_bytes);
/*
 * The kernel may hold it for known that a name is not there. Whoever makes a
 * change that may give one back takes the count before, and tells after it:
 * where there are more, it returns when the kernel knows. Without locks.
 */
unsigned taken_count(struct tree *tree);
void taken_tell(struct tree *tree, unsigned before);

#endif
