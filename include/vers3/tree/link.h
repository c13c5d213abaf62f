/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hard links: several names of one inode.
 *
 * In the bucket each name is a whole object; all carry `vers3-link` with the
 * same id and the number of names, "ID:COUNT", and in `vers3-link-names` a
 * digest of each name. A mount that meets two such objects makes them one
 * inode again if all is proved equal: content (size and ETag), owner, mode,
 * time and all other metadata, and if they name each other, both. So whoever
 * may not write one of them cannot make it a name of what he writes. A name
 * that others have written differs, or has lost the names: it parts.
 *
 * An inode's base is the version under one of its names. What the bucket
 * holds under each name is filed with the name (meta_name_version_get()).
 * All calls need meta_lock().
 *
 * Any thread; none waits for the bucket. Inodes are the caller's copies,
 * written back where it says so. 0 or -errno of meta.h's.
 */
#ifndef VERS3_TREE_LINK_H
#define VERS3_TREE_LINK_H

#include "vers3/meta/dentry.h"

struct tree;

/*
 * What the bucket holds at a name of an inode, if its key is clean: the
 * base, or buf filled with the name's own version. NULL: nothing.
 */
const struct meta_version *
link_known(struct tree *tree, const struct meta_inode *inode, uint64_t parent,
	   const char *name, const char *path, struct meta_version *buf);
/* Adds a name to an inode that has one. */
int link_add(struct tree *tree, struct meta_inode *inode, uint64_t parent,
	     const char *name);
/*
 * After a name was taken away and inode->nlink lowered: the other names' count
 * goes down too. *inode is written.
 */
int link_removed(struct tree *tree, struct meta_inode *inode);
/*
 * After a name was changed or taken away by others, and inode->nlink lowered.
 * *inode is written; nothing is sent for it.
 */
int link_lost(struct tree *tree, struct meta_inode *inode, const char *gone);
/* A name is about to be moved: the objects of all names tell it. */
int link_moved(struct tree *tree, uint64_t ino);
/* The name that is at a path. 0 or -ENOENT. */
int link_find(struct tree *tree, const struct meta_inode *inode,
	      const char *path, struct meta_dentry *ret);
/*
 * What the bucket holds at `path`, one of several names, is going. If the
 * inode is based on it, it gets another name's version for a base; in is
 * written then. Unchanged if no other name is known to hold the same.
 */
int link_change_base(struct tree *tree, struct meta_inode *inode,
		     const char *path);
/* After a save: files the version with the name whose key it is. */
int link_note_saved(struct tree *tree, const struct meta_inode *inode,
		    const char *path, const struct meta_version *version);
/*
 * After an inode's attributes have come: joins it to the inode that is proved
 * to be the same file, if there is one. *ret_joined: `inode` is gone and its
 * name belongs to that one.
 */
int link_join(struct tree *tree, const struct meta_inode *inode,
	      bool *ret_joined);

#endif
