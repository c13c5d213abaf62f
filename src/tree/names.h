/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of a change of a name that its kinds have in common; see names.c and
 * tree.h. With meta_lock() held.
 */
#ifndef VERS3_SRC_TREE_NAMES_H
#define VERS3_SRC_TREE_NAMES_H

#include <stdint.h>

#include "vers3/meta/dentry.h"
#include "vers3/meta/inode.h"

struct tree;

/*
 * The path of a name, of a directory's that of its marker: mode says which it
 * is. name NULL: of the directory `parent` itself.
 */
int names_path(struct tree *tree, uint64_t parent, const char *name,
	       uint32_t mode, char *path);
/* Marks the key of one name of an inode, as it is before the change. */
int names_mark(struct tree *tree, const struct meta_inode *inode,
	       const struct meta_dentry *de, const char *path);
/* The times of a directory, and how many directories are in it. */
int names_touch(struct tree *tree, struct meta_inode *dir, int nlink_by);

#endif
