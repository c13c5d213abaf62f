/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of the live tree: names and attributes. Each is one change of the
 * namespace under meta_lock(), with the keys it touches marked dirty; the
 * bucket is asked beforehand only where the namespace does not know enough.
 *
 * Any thread. Calls take meta_lock() by themselves, may wait for the bucket
 * before that, and are called without a lock; tree_mark_inode() to
 * tree_hold_source() and tree_inherit() need it held, and wait for nothing.
 * Strings are borrowed for the call, buffers the caller's. 0 or -errno, as the
 * system call has it.
 */
#ifndef VERS3_TREE_TREE_H
#define VERS3_TREE_TREE_H

#include "vers3/core/entry.h"
#include "vers3/core/mount.h"

struct journal;
struct reader;
struct tree;

/*
 * Borrows all. Makes the root, and drops what no process has open any more. 0
 * or -errno.
 */
int tree_new(struct mount *mount, struct journal *journal,
	     struct reader *reader, struct tree **ret_tree);
/*
 * Once somebody listens to the journal: goes on with what the last mount left
 * undone, and asks in the background (states.h).
 */
int tree_begin(struct tree *tree);
/* Gives up what is being asked. NULL is fine, as it is next. */
void tree_end(struct tree *tree);
/* Waits for reads that begin anew: all have been answered. */
void tree_end_reads(struct tree *tree);
void tree_free(struct tree *tree);

/*
 * Makes a name with a new inode: regular or special file, directory, or
 * symlink (target not NULL).
 */
int tree_make(struct tree *tree, uint64_t parent, const char *name,
	      uint32_t mode, uint64_t rdev, const char *target,
	      const struct vfs_caller *who, struct meta_inode *ret_inode);
int tree_unlink(struct tree *tree, uint64_t parent, const char *name);
int tree_rmdir(struct tree *tree, uint64_t parent, const char *name);
/*
 * -EAGAIN: names would have to wait for each other; it can be done once the
 * bucket has what was before.
 */
int tree_rename(struct tree *tree, uint64_t parent, const char *name,
		uint64_t new_parent, const char *new_name, unsigned flags);
/* Gives an inode one more name (hard link). */
int tree_link(struct tree *tree, uint64_t ino, uint64_t parent,
	      const char *name, struct meta_inode *ret_inode);
/* All but the size. */
int tree_setattr(struct tree *tree, uint64_t ino, const struct stat *st,
		 unsigned set, struct meta_inode *ret_inode);
int tree_readlink(struct tree *tree, uint64_t ino, struct buf *target);

/*
 * Marks the keys of every name of an inode dirty, with meta_lock() held; in
 * is the inode before the change (what the bucket holds is read from it).
 */
int tree_mark_inode(struct tree *tree, const struct meta_inode *inode);
/* The same for a name that a file is about to get, where there is nothing. */
int tree_mark_name(struct tree *tree, uint64_t parent, const char *name);

/*
 * Writes an inode whose attributes have changed, its keys marked dirty; with
 * meta_lock() held.
 */
int tree_put_attrs(struct tree *tree, struct meta_inode *inode);
/*
 * The names of a directory have changed: so have its times. With meta_lock()
 * held.
 */
int tree_touch_dir(struct tree *tree, uint64_t ino);
/*
 * The same where a name has gone. A directory that exists only by what is in it
 * and has lost its last name gets an object of its own, or it would vanish from
 * the bucket.
 */
int tree_lost_name(struct tree *tree, uint64_t ino);
/*
 * Whether a directory that was listed has nothing, seen or hidden. 0, 1 or
 * -errno.
 */
int tree_is_empty(struct tree *tree, const struct meta_inode *dir);
/*
 * Before `name` goes from a directory: marks the key that tree_lost_name()
 * will need if it is the last one, since a mark may be refused.
 */
int tree_keep_dir(struct tree *tree, uint64_t ino, const char *name);
/*
 * So many more directories, or less, are in this one: each has a link to it.
 * With meta_lock() held. 0 or -errno.
 */
int tree_count_in(struct tree *tree, uint64_t ino, int by);
/*
 * After the name at path `gone` was taken from an inode that has others, with
 * meta_lock() held: their objects say so too, and the object at `gone` stays
 * for as long as they are copied from it.
 */
int tree_link_removed(struct tree *tree, struct meta_inode *inode,
		      const char *gone);
/*
 * The object that an inode is based on must outlive its copy to new_key: unless
 * it is pinned by its version id, its own key waits for that one.
 */
int tree_hold_source(struct tree *tree, const struct meta_inode *inode,
		     const char *new_key);

int tree_getxattr(struct tree *tree, uint64_t ino, const char *name,
		  struct buf *value);
/*
 * When a file expires, or what is made in a directory: text is as in
 * object/expire.h. What the file holds was sent before: -EBUSY where it was
 * written to since. -EOPNOTSUPP where nothing can say it, which the first one
 * looks at alone. Both block.
 */
int tree_check_expire(struct tree *tree, uint64_t ino);
int tree_set_expire(struct tree *tree, uint64_t ino, const char *text);
int tree_setxattr(struct tree *tree, uint64_t ino, const char *name,
		  const void *value, size_t size, int flags);
int tree_listxattr(struct tree *tree, uint64_t ino, struct buf *names);
int tree_removexattr(struct tree *tree, uint64_t ino, const char *name);
/*
 * Brings a directory's access control lists into the namespace where the
 * metadata has no room for them: what needs them under meta_lock() takes no
 * list for none. Blocks. 0 or -errno.
 */
int tree_lists(struct tree *tree, uint64_t dir);
/*
 * Gives a new inode, which has its number and no record yet, what its
 * directory hands down: an access control list, or else the caller's umask.
 * With meta_lock() held. 0, -ENOSPC where the lists do not fit, -EIO where
 * they cannot be read (tree_lists()), -errno.
 */
int tree_inherit(struct tree *tree, uint64_t dir, uint32_t umask,
		 struct meta_inode *inode);

/* The name under META_XATTR that holds a symlink's target. */
#define TREE_TARGET_XATTR "vers3.target"

#endif
