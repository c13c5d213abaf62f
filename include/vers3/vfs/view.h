/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The versions view: `.versions`, the history of every name as a read-only
 * tree (DESIGN.md, "History"). Inode numbers carry VFS_VIEW_BIT, are made
 * from path and version id, and stay the same across mounts; what a number
 * stands for is in META_VIEW. What was listed is kept in META_HISTORY for
 * ttl_ns. All calls may wait for the bucket.
 */
#ifndef VERS3_VFS_VIEW_H
#define VERS3_VFS_VIEW_H

#include "vers3/vfs/vfs.h"

int view_new(struct vfs *v, struct view **ret_view);
void view_free(struct view *w);

/* VFS_VERSIONS_INO, VFS_AT_INO or a number with VFS_VIEW_BIT. */
static inline bool view_owns(uint64_t ino)
{
	return ino == VFS_VERSIONS_INO || ino == VFS_AT_INO ||
	       (ino & VFS_VIEW_BIT);
}

/* What stands for an inode: for the root, perhaps the tree of an instant. */
static inline uint64_t view_shown(const struct vfs *v, uint64_t ino)
{
	return v->at_ns && ino == META_ROOT_INO ? VFS_AT_INO : ino;
}

int view_lookup(struct vfs *v, uint64_t parent, const char *name,
		struct vfs_entry *ret_entry);
/* DIR/.versions: the history of a live directory, which has this path. */
int view_of_dir(struct vfs *v, const char *path, struct vfs_entry *ret_entry);
int view_getattr(struct vfs *v, uint64_t ino, struct stat *ret_st);
/* Whether its attributes are those of a live directory, which may change. */
bool view_follows(struct vfs *v, uint64_t ino);
int view_readlink(struct vfs *v, uint64_t ino, struct buf *target);
/*
 * The immutable version behind a version's number, for reading. A delete
 * marker gives a version of 0 bytes with no key. -EISDIR for a directory.
 */
int view_version(struct vfs *v, uint64_t ino, struct meta_version *ret_version);
/* The same for an open file, until view_close(): it stays known by its number. */
int view_open(struct vfs *v, uint64_t ino, struct meta_version *ret_version);
void view_close(struct vfs *v, uint64_t ino);
/* The kernel has forgotten a number, if it is one of these. */
void view_forgotten(struct vfs *v, uint64_t ino);
/* state: the open directory's own, NULL at first; freed by view_closedir. */
struct view_dir;
int view_opendir(struct vfs *v, uint64_t ino, struct view_dir **ret_dir);
int view_readdir(struct vfs *v, struct view_dir *d, uint64_t offset, bool plus,
		 vfs_dirent_fn fn, void *ctx);
void view_closedir(struct vfs *v, struct view_dir *d);
int view_getxattr(struct vfs *v, uint64_t ino, const char *name,
		  struct buf *value);
/*
 * Removes an entry of a file's history: its newest, if that is a delete
 * marker, so that the file is there again. -EPERM for all else.
 */
int view_unlink(struct vfs *v, uint64_t parent, const char *name);
/*
 * Makes and forgets a named point, "@NAME" in the root's .versions. -EROFS
 * for any other directory, -EPERM for a point elsewhere.
 */
int view_mkdir(struct vfs *v, uint64_t parent, const char *name,
	       struct vfs_entry *ret_entry);
int view_rmdir(struct vfs *v, uint64_t parent, const char *name);
/* What was listed holds no more: versions were removed. */
void view_forget(struct vfs *v);
int view_listxattr(struct vfs *v, uint64_t ino, struct buf *names);

#endif
