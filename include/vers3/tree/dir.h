/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories against the bucket: which names there are, and what they are.
 *
 * A directory is listed when its names were never complete, or when the
 * answer is older than ttl. The list is merged into the namespace: a key
 * that is dirty, or was settled by this mount since the list was asked for,
 * keeps the local state. An object's attributes are asked for (HEAD, or GET of
 * all of a small one) once a version. While the bucket cannot be reached, what
 * is known is used as it is; and so it is where a list does not come for
 * mount_config.patience_ns, which goes on in the background.
 *
 * Any thread. What does not say that it needs or takes meta_lock() may wait for
 * the bucket and is called without a lock; dir_hidden() and dir_write_hidden()
 * take a leaf alone. Inodes are copies, the caller's. 0 or -errno. S3 API:
 * ListObjectsV2, HeadObject, GetObject.
 */
#ifndef VERS3_TREE_DIR_H
#define VERS3_TREE_DIR_H

#include "vers3/core/mount.h"

struct tree;

/*
 * The inode of a name in the live tree, with its attributes. 0, -ENOENT, or
 * why the bucket could not be asked.
 */
int dir_lookup(struct tree *tree, uint64_t parent, const char *name,
	       struct meta_inode *ret_inode);
/*
 * The same for who takes the name away from it, perhaps without attributes.
 * In a large directory a name that is known is not asked about, however old.
 */
int dir_find(struct tree *tree, uint64_t parent, const char *name,
	     struct meta_inode *ret_inode);
/*
 * How long an answer about a name in a directory, given now, may be kept:
 * what is left of ttl since the list that it stands on, or since the file
 * (`named`, may be NULL) was asked for by itself. Takes meta_lock().
 */
int64_t dir_ttl_ns(struct tree *tree, uint64_t ino,
		   const struct meta_inode *named);
/* Makes all names of a directory known, at most ttl old. */
int dir_refresh(struct tree *tree, uint64_t ino);
/*
 * The same for who reads a directory. Where somebody reads directories of a
 * tree one after the other, what is below is listed flat, a thousand keys a
 * request, some pages ahead of him, and attributes are asked for ahead.
 */
int dir_read(struct tree *tree, uint64_t ino);
/*
 * Makes all names below a directory known, for a rename: of what was never
 * listed, by flat lists.
 */
int dir_load_tree(struct tree *tree, uint64_t ino);
/*
 * Reads an inode, asking for its attributes when they are not known.
 * -ESTALE when it is gone: what its name stands for has to be looked up anew.
 */
int dir_inode(struct tree *tree, uint64_t ino, struct meta_inode *ret_inode);
/*
 * Asks for the attributes of many inodes at once, and for the content of small
 * ones where such are being read. Best effort.
 */
void dir_prefetch_attrs(struct tree *tree, const uint64_t *inos,
			unsigned count);
/*
 * S_IFMT of what an inode is known to be, 0: a small object that was not asked
 * for may be a symlink or a device.
 */
uint32_t dir_known_type(const struct meta_inode *inode);
/*
 * Whether an inode is to be asked for its attributes where its name is read:
 * find and ls -R only want to know what each file is, others want all of them.
 */
bool dir_wants_attrs(const struct meta_inode *inode, bool all);
/*
 * Whether somebody goes through names and wants the attributes of each: then
 * they are worth asking for with the names of a directory. Takes no lock.
 */
bool dir_attrs_wanted(struct tree *tree);

/* Keys that no file name can carry, in the directories listed so far. */
uint64_t dir_hidden(struct tree *tree);
/* Appends the control file's section of them. 0, -ENOMEM, -EFBIG. */
int dir_write_hidden(struct tree *tree, struct buf *out);

/*
 * The bucket holds something at this key that is not shown: the nearest
 * directory above it that there is will be listed at the next look-up. With
 * meta_lock() held.
 */
int dir_expire(struct tree *tree, const char *path);
/*
 * Takes an object's answer (HEAD, or the reply of a save) into an inode:
 * version and metadata. With meta_lock() held.
 */
int dir_take_object(struct tree *tree, struct meta_inode *inode,
		    const char *path, const struct store_object *object);
/*
 * Removes an inode that has lost its last name: at once, or, when it is
 * open, at its last close. With meta_lock() held. The caller says why its
 * bytes may go.
 */
int dir_drop_inode(struct tree *tree, struct meta_inode *inode);
/*
 * The same of one that the kernel knows: a process may be about to open it, or
 * be in the directory. It goes when the kernel has forgotten it, or at the next
 * mount.
 */
int dir_unname_inode(struct tree *tree, struct meta_inode *inode);
/* The same whether the kernel says what it forgets or not. */
int dir_keep_inode(struct tree *tree, struct meta_inode *inode);
/*
 * Removes an inode without a name that nobody has open. The last close (ino
 * forgotten before, or never to be) and vfs_forget() come here.
 */
void dir_forget_inode(struct tree *tree, uint64_t ino);

#endif
