/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects that are listed and must not be read: of another account, under a
 * key that is not ours (403), encrypted with one that the client would have to
 * bring (400). A file has what the list tells, and mode 0; it cannot be read,
 * nor what it is be changed, and it is removed and replaced as any other. A
 * directory is open to its owner alone. It is asked again when what is known
 * is older than ttl.
 *
 * Any thread. 0 or -errno. S3 API: HeadObject, "Permissions"; ListObjectsV2.
 */
#ifndef VERS3_TREE_REFUSED_H
#define VERS3_TREE_REFUSED_H

#include <errno.h>
#include <stdbool.h>

#include "vers3/core/mount.h"

struct tree;

/*
 * Takes a refusal into an inode without attributes; the caller puts it. With
 * meta_lock() held.
 */
int refused_take(struct tree *tree, struct meta_inode *inode, int64_t asked_ns);
/*
 * Whether the refusal of a HEAD (refusal_is()) speaks of the object. The answer
 * has no body that would say so, and what is said to whoever has no valid
 * credentials, or another time, looks the same; a list of that key tells them
 * apart. Blocks.
 */
bool refused_surely(struct tree *tree, const char *key);
/* Whether it was refused, and is not to be asked again yet. */
bool refused_lately(struct tree *tree, const struct meta_inode *inode);
/*
 * Cut to nothing, the object gives way to a new one, with the attributes of
 * one that says nothing of itself. Its keys are marked; the caller puts the
 * inode. With meta_lock() held.
 */
int refused_replace(struct tree *tree, struct meta_inode *inode);

#endif
