/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of files in the live tree: staged extents over a base version
 * over zeros (meta/inode.h). Every change of content is here.
 *
 * An inode with META_I_STAGED set has all its keys in the dirty table; so a
 * write to an inode that is staged already has nothing to mark.
 *
 * Any thread. The node is borrowed; a call takes its lock and meta_lock() by
 * itself, so none of them is held, but where it says so. Only content_read()
 * waits for the bucket, with neither held. Offsets and lengths in bytes. 0 or
 * -errno.
 */
#ifndef VERS3_TREE_CONTENT_H
#define VERS3_TREE_CONTENT_H

#include "vers3/core/mount.h"
#include "vers3/core/node.h"
#include "vers3/meta/holes.h"

struct tree;

/*
 * Reads [offset, offset + size) of the inode as it is now, cut at its size,
 * into buf; *ret_size tells how much. May wait for the bucket. 0 or -errno.
 */
int content_read(struct tree *tree, struct node *n, uint64_t offset, void *buf,
		 size_t size, size_t *ret_size);
/* -ENOSPC, -EDQUOT before anything has changed. */
int content_write(struct tree *tree, struct node *n, uint64_t offset,
		  const void *data, size_t size);
int content_truncate(struct tree *tree, struct node *n, uint64_t size_bytes);
/*
 * The same where the file is shorter; one that others have made longer stays.
 */
int content_extend(struct tree *tree, struct node *n, uint64_t size_bytes);
/* Makes a range read as zeros, inside the file's size. */
int content_zero(struct tree *tree, struct node *n, uint64_t offset,
		 uint64_t length);
/*
 * Takes [offset, offset + length) of an immutable version over by reference,
 * at the same offset: no data moves, the syncer has the server copy it. Only
 * where the file ends at offset, or where a hole of the version before that
 * begins, has nothing staged, and is empty or already shows this version up to
 * there; else -EXDEV. holes: what the version is known to have.
 */
int content_adopt(struct tree *tree, struct node *n,
		  const struct meta_version *version, const struct holes *holes,
		  uint64_t offset, uint64_t length);
/*
 * Gives back the room of staged bytes that were written over or cut off, once
 * that is durable; with the node's lock held for writing.
 */
int content_trim(struct tree *tree, struct node *n);
/* SEEK_DATA, SEEK_HOLE. -ENXIO as lseek(2). */
int content_seek(struct tree *tree, struct node *n, uint64_t offset, int whence,
		 uint64_t *ret_offset);
/*
 * How many bytes of an inode of the tree take room, as stat(2) counts them:
 * holes do not. in is what it is now; with meta_lock() held.
 */
uint64_t content_data_bytes(struct tree *tree, const struct meta_inode *inode);
/* What stat(2) tells of an inode of the tree that was read before. */
void content_stat(struct tree *tree, const struct meta_inode *inode,
		  struct stat *ret_st);

#endif
