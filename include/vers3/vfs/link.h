/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hard links: several names of one inode.
 *
 * In the bucket each name is a whole object; all carry `vers3-link` with the
 * same id and the number of names, "ID:COUNT". A mount that meets two such
 * objects of one size and modification time makes them one inode again. A
 * name that others have written has lost the id, or differs: it parts.
 *
 * An inode's base is the version under one of its names. What the bucket
 * holds under each name is filed with the name (meta_name_version_get()).
 * All calls need meta_lock().
 */
#ifndef VERS3_VFS_LINK_H
#define VERS3_VFS_LINK_H

#include "vers3/vfs/vfs.h"

/*
 * What the bucket holds at a name of an inode, if its key is clean: the
 * base, or buf filled with the name's own version. NULL: nothing.
 */
const struct meta_version *
link_known(struct vfs *v, const struct meta_inode *in, uint64_t parent,
	   const char *name, const char *path, struct meta_version *buf);
/* Adds a name to an inode that has one. */
int link_add(struct vfs *v, struct meta_inode *in, uint64_t parent,
	     const char *name);
/*
 * After a name was taken away and in->nlink lowered: the other names' count
 * goes down too. in is written.
 */
int link_removed(struct vfs *v, struct meta_inode *in);
/* After a save: files the version with the name whose key it is. */
int link_note_saved(struct vfs *v, const struct meta_inode *in,
		    const char *path, const struct meta_version *version);
/*
 * After an inode's attributes have come: joins it to the inode that has the
 * same id, if there is one. *ret_joined: `in` is gone and its name belongs
 * to that one.
 */
int link_join(struct vfs *v, const struct meta_inode *in, bool *ret_joined);
/* The link count that users see: names known here, or said by the object. */
uint32_t link_count(const struct meta_inode *in);

#endif
