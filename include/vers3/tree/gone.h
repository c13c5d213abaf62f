/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories that are gone with all that is in them: the name is taken away
 * at once, what is inside in short holds of meta_lock() afterwards. What is
 * left of it after a crash goes at the next mount.
 *
 * Any thread. 0 or -errno of meta.h's.
 */
#ifndef VERS3_TREE_GONE_H
#define VERS3_TREE_GONE_H

#include "vers3/meta/dentry.h"

struct tree;

/* How long meta_lock() is held at once by what may take long. */
#define GONE_HOLD_NS (2 * NS_PER_MS)

/*
 * Takes a directory, which stands at (de->parent, de->name) and path, out of
 * the tree. No key below path is dirty, so the bucket's history has every byte
 * of what goes. With meta_lock() held; *inode is written.
 */
int gone_detach(struct tree *tree, const struct meta_dentry *de,
		struct meta_inode *inode, const char *path);
/* Removes what was detached. Without meta_lock(). 0 or -errno. */
int gone_sweep(struct tree *tree);
/*
 * Between two holds: a mutex is not fair, those who wait for it have to be
 * given the time to take it.
 */
void gone_pause(void);

#endif
