/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The versions view: `.versions`, the history of every name as a read-only
 * tree (docs/history.md). Inode numbers carry MOUNT_VIEW_BIT, are made
 * from path and version id, and stay the same across mounts; what a number
 * stands for is in META_VIEW. What was listed is kept in META_HISTORY for
 * ttl_ns. All calls may wait for the bucket.
 *
 * Any thread, no lock held. Strings are borrowed for the call, buffers the
 * caller's. 0 or -errno.
 */
#ifndef VERS3_HISTORY_VIEW_H
#define VERS3_HISTORY_VIEW_H

#include "vers3/core/entry.h"
#include "vers3/core/mount.h"

struct journal;
struct reader;
struct syncer;
struct tree;
struct view;

/* Borrows all. 0 or -errno. */
int view_new(struct mount *mount, struct journal *journal,
	     struct reader *reader, struct tree *tree, struct syncer *syncer,
	     struct view **ret_view);
void view_free(struct view *w);
/* The journal that it was made with. */
struct journal *view_journal(struct view *w);

/* What stands for an inode: for the root, perhaps the tree of an instant. */
uint64_t view_shown(const struct view *view, uint64_t ino);

/*
 * The directory that a directory of the view is in: 0; or 1, it is the live
 * one at a path, for which live has META_KEY_MAX + 1 bytes. -ENOTDIR.
 */
int view_parent(struct view *view, uint64_t ino, struct vfs_entry *ret_entry,
		char *live);
int view_lookup(struct view *view, uint64_t parent, const char *name,
		struct vfs_entry *ret_entry);
/* DIR/.versions: the history of a live directory, which has this path. */
int view_of_dir(struct view *view, const char *path,
		struct vfs_entry *ret_entry);
int view_getattr(struct view *view, uint64_t ino, struct stat *ret_st);
/* Whether its attributes are those of a live directory, which may change. */
bool view_follows(struct view *view, uint64_t ino);
int view_readlink(struct view *view, uint64_t ino, struct buf *target);
/*
 * The immutable version behind a version's number, for reading, until
 * view_close(): it stays known by its number. A delete marker gives a version
 * of 0 bytes with no key. -EISDIR for a directory.
 */
int view_open(struct view *view, uint64_t ino,
	      struct meta_version *ret_version);
void view_close(struct view *view, uint64_t ino);
/* The kernel has forgotten a number, if it is one of these. */
void view_forgotten(struct view *view, uint64_t ino);
/* state: the open directory's own, NULL at first; freed by view_closedir. */
struct view_dir;
int view_opendir(struct view *view, uint64_t ino, struct view_dir **ret_dir);
int view_readdir(struct view *view, struct view_dir *d, uint64_t offset,
		 bool plus, vfs_dirent_fn fn, void *ctx);
void view_closedir(struct view *view, struct view_dir *d);
int view_getxattr(struct view *view, uint64_t ino, const char *name,
		  struct buf *value);
/* What can be set on a version (s3set.h); -EROFS for all else. */
int view_setxattr(struct view *view, uint64_t ino, const char *name,
		  const void *value, size_t size);
/*
 * Removes an entry of a file's history: its newest, if that is a delete
 * marker, so that the file is there again. -EPERM for all else.
 */
int view_unlink(struct view *view, uint64_t parent, const char *name);
/*
 * Makes and forgets a named point, "@NAME" in the root's .versions. -EROFS
 * for any other directory, -EPERM for a point elsewhere.
 */
int view_mkdir(struct view *view, uint64_t parent, const char *name,
	       struct vfs_entry *ret_entry);
int view_rmdir(struct view *view, uint64_t parent, const char *name);
/* What was listed holds no more: versions were removed. */
void view_forget(struct view *view);
int view_listxattr(struct view *view, uint64_t ino, struct buf *names);

#endif
