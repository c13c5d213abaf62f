/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Creating, removing, linking, setattr, symlinks. Renames are in rename.c,
 * extended attributes in xattr.c, the tree's own life in tree_life.c.
 */
#include "vers3/tree/tree.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "names.h"
#include "tree_impl.h"
#include "vers3/core/mount.h"
#include "vers3/journal/journal.h"
#include "vers3/meta/dentry.h"
#include "vers3/meta/dirty.h"
#include "vers3/object/inherited.h"
#include "vers3/object/object_meta.h"
#include "vers3/read/reader.h"
#include "vers3/tree/dir.h"
#include "vers3/tree/link.h"
#include "vers3/tree/rebased.h"
#include "vers3/tree/revive.h"
#include "vers3/util/clock.h"

#define OPEN_NS NS_PER_S

static int check_new_name(const struct tree *tree, const char *name,
			  uint64_t parent)
{
	if (strlen(name) > META_NAME_MAX)
		return -ENAMETOOLONG;
	if (parent == META_ROOT_INO &&
	    (mount_is_control_name(tree->mount, name) ||
	     mount_is_own_name(tree->mount, name)))
		return -EPERM;
	return mount_name_ok(NULL, name) ? 0 : -EILSEQ;
}

static void init_inode(struct meta_inode *inode, uint32_t mode, uint64_t rdev,
		       const struct vfs_caller *who,
		       const struct meta_inode *dir)
{
	memset(inode, 0, sizeof(*inode));
	inode->mode = mode;
	inode->uid = who->uid;
	inode->gid = who->gid;
	if (dir->mode & S_ISGID) {
		inode->gid = dir->gid;
		if (S_ISDIR(mode))
			inode->mode |= S_ISGID;
	}
	inode->nlink = S_ISDIR(mode) ? 2 : 1;
	inode->rdev = rdev;
	inode->flags = META_I_ATTRS;
	if (S_ISDIR(mode))
		inode->flags |= META_I_EXPLICIT | META_I_LISTED;
	inode->mtime_ns = inode->ctime_ns = inode->atime_ns = clock_real_ns();
	inode->listed_ns = inode->mtime_ns;
}

/*
 * Whoever creates a file opens it next, to write. Until the last close says
 * that it may go it is left alone, or `commit=0` would save it empty first.
 */
static int64_t new_delay(const struct tree *tree, uint32_t mode)
{
	int64_t delay = tree->mount->config.commit_ns;

	return S_ISREG(mode) && delay < OPEN_NS ? OPEN_NS : delay;
}

/* With meta_lock() held. */
static int make_locked(struct tree *tree, uint64_t parent, const char *name,
		       uint32_t mode, uint64_t rdev, const char *target,
		       const struct vfs_caller *who, struct meta_inode *inode)
{
	char path[META_KEY_MAX + 2];
	struct meta_inode dir;
	struct meta_dentry dentry;
	int rc = meta_inode_get(tree->meta, parent, &dir);

	if (!rc && !S_ISDIR(dir.mode))
		rc = -ENOTDIR;
	if (!rc && !dir.nlink)
		rc = -ENOENT; /* it is removed */
	if (!rc)
		rc = names_path(tree, parent, name, mode, path);
	if (!rc && !meta_dentry_get(tree->meta, parent, name, &dentry))
		rc = -EEXIST;
	if (rc)
		return rc;
	if (S_ISDIR(mode))
		journal_changed(tree->journal, path);
	/* First, since it can be refused: no name is without its record. */
	rc = journal_mark(tree->journal, path, NULL, new_delay(tree, mode));
	if (rc)
		return rc;
	init_inode(inode, mode, rdev, who, &dir);
	rc = meta_next_id(tree->meta, &inode->ino);
	if (!rc)
		rc = tree_inherit(tree, parent, who->umask, inode);
	if (!rc)
		rc = inherited_give(tree->mount, parent, inode);
	if (!rc && target) {
		inode->size_bytes = strlen(target);
		rc = meta_xattr_set(tree->meta, inode->ino, TREE_TARGET_XATTR,
				    target, inode->size_bytes);
	}
	if (!rc)
		rc = meta_inode_put(tree->meta, inode);
	if (!rc)
		rc = meta_dentry_add(tree->meta, parent, name, inode->ino);
	if (!rc)
		rc = names_touch(tree, &dir, S_ISDIR(mode) ? 1 : 0);
	return rc;
}

int tree_make(struct tree *tree, uint64_t parent, const char *name,
	      uint32_t mode, uint64_t rdev, const char *target,
	      const struct vfs_caller *who, struct meta_inode *ret_inode)
{
	int rc = check_new_name(tree, name, parent);

	if (!rc && target && strlen(target) >= PATH_MAX)
		rc = -ENAMETOOLONG;
	if (rc)
		return rc;
	rc = revive_dir_told(tree, parent);
	if (rc)
		return rc;
	/* Does another mount have that name? */
	rc = dir_lookup(tree, parent, name, ret_inode);
	if (rc != -ENOENT)
		return rc ? rc : -EEXIST;
	/* With its attributes: they may be handed down. */
	rc = dir_inode(tree, parent, ret_inode);
	if (!rc && !S_ISLNK(mode))
		tree_lists(tree, parent);
	if (!rc)
		rc = meta_lock(tree->meta);
	if (rc)
		return rc;
	rc = make_locked(tree, parent, name, mode, rdev, target, who,
			 ret_inode);
	meta_unlock(tree->meta);
	return rc;
}

/* Whether the record of a key waits for another one. */
static bool waits_for(struct tree *tree, const char *key, const char *after)
{
	struct meta_dirty dirty;

	return !meta_dirty_get(tree->meta, key, &dirty) &&
	       !strcmp(dirty.depends_on, after);
}

/* The path of an inode's first name that has one. 0 or -ENOENT. */
static int first_path(struct tree *tree, const struct meta_inode *inode,
		      char *path)
{
	struct meta_dentry dentry = {.name = ""};
	int rc;

	while (!(rc = meta_name_next(tree->meta, inode->ino, dentry.parent,
				     dentry.name, &dentry))) {
		rc = meta_path(tree->meta, dentry.parent, dentry.name, path);
		/* In a directory that is gone nothing has one. */
		if (rc != -ESTALE)
			return rc;
	}
	return rc;
}

int tree_link_removed(struct tree *tree, struct meta_inode *inode,
		      const char *gone)
{
	char path[META_KEY_MAX + 1];
	int rc;

	if (S_ISDIR(inode->mode) || inode->nlink == 0)
		return 0;
	rc = link_removed(tree, inode);
	if (!rc)
		rc = first_path(tree, inode, path);
	if (rc == -ENOENT)
		return 0; /* the others are gone, too */
	/* What the other names copy from must not go before they have. */
	if (!rc && (!strcmp(inode->base.key, gone) ||
		    waits_for(tree, inode->base.key, gone)))
		rc = tree_hold_source(tree, inode, path);
	return rc;
}

/* Takes a name away from its inode; with meta_lock() held. */
static int drop_name(struct tree *tree, const struct meta_dentry *dentry,
		     struct meta_inode *inode)
{
	char path[META_KEY_MAX + 2];
	int rc = names_path(tree, dentry->parent, dentry->name, inode->mode,
			    path);

	if (!rc)
		rc = names_mark(tree, inode, dentry, path);
	if (!rc && S_ISDIR(inode->mode))
		journal_changed(tree->journal, path);
	/* The other names, too, before anything is changed. */
	if (!rc && inode->nlink > 1 && !S_ISDIR(inode->mode))
		rc = tree_mark_inode(tree, inode);
	if (!rc)
		rc = meta_dentry_del(tree->meta, dentry->parent, dentry->name);
	if (rc)
		return rc;
	inode->nlink = S_ISDIR(inode->mode) ? 0 : inode->nlink - 1;
	inode->ctime_ns = clock_real_ns();
	/*
	 * The user has deleted or replaced it: what was uploaded stays in
	 * the bucket's history, what was not is unwanted.
	 */
	rc = dir_unname_inode(tree, inode);
	return rc ? rc : tree_link_removed(tree, inode, path);
}

int tree_is_empty(struct tree *tree, const struct meta_inode *dir)
{
	int rc = meta_dentry_any(tree->meta, dir->ino);

	if (rc < 0)
		return rc;
	/* With a key that no name shows it would come back. */
	return !rc && !(dir->flags & META_I_HIDES);
}

static int remove_locked(struct tree *tree, uint64_t parent, const char *name,
			 bool directory)
{
	struct meta_inode dir, inode;
	struct meta_dentry dentry = {.ino = 0};
	int rc = meta_inode_get(tree->meta, parent, &dir);

	if (!rc)
		rc = meta_dentry_get(tree->meta, parent, name, &dentry);
	if (!rc)
		rc = meta_inode_get(tree->meta, dentry.ino, &inode);
	if (rc)
		return rc;
	if (directory && !S_ISDIR(inode.mode))
		return -ENOTDIR;
	if (!directory && S_ISDIR(inode.mode))
		return -EISDIR;
	if (directory) {
		rc = tree_is_empty(tree, &inode);
		if (rc <= 0)
			return rc < 0 ? rc : -ENOTEMPTY;
	}
	rc = tree_keep_dir(tree, parent, name);
	if (!rc)
		rc = drop_name(tree, &dentry, &inode);
	if (!rc && directory)
		rc = names_touch(tree, &dir, -1);
	return rc ? rc : tree_lost_name(tree, parent);
}

static int remove_name(struct tree *tree, uint64_t parent, const char *name,
		       bool directory)
{
	struct meta_inode inode;
	int rc = dir_find(tree, parent, name, &inode);

	/* Only a complete list tells whether a directory is empty. */
	if (!rc && directory && S_ISDIR(inode.mode))
		rc = dir_refresh(tree, inode.ino);
	if (!rc)
		rc = meta_lock(tree->meta);
	if (rc)
		return rc;
	rc = remove_locked(tree, parent, name, directory);
	meta_unlock(tree->meta);
	return rc;
}

int tree_unlink(struct tree *tree, uint64_t parent, const char *name)
{
	return remove_name(tree, parent, name, false);
}

int tree_rmdir(struct tree *tree, uint64_t parent, const char *name)
{
	return remove_name(tree, parent, name, true);
}

static void set_times(struct meta_inode *inode, const struct stat *st,
		      unsigned set)
{
	int64_t now = clock_real_ns();

	if (set & VFS_SET_ATIME)
		inode->atime_ns = clock_from_seconds(st->st_atim.tv_sec,
						     st->st_atim.tv_nsec);
	if (set & VFS_SET_ATIME_NOW)
		inode->atime_ns = now;
	if (set & VFS_SET_MTIME)
		inode->mtime_ns = clock_from_seconds(st->st_mtim.tv_sec,
						     st->st_mtim.tv_nsec);
	if (set & VFS_SET_MTIME_NOW)
		inode->mtime_ns = now;
}

/* Whether the object's metadata has to change for it. */
static bool attrs_differ(const struct meta_inode *a, const struct meta_inode *b)
{
	return a->mode != b->mode || a->uid != b->uid || a->gid != b->gid ||
	       a->mtime_ns != b->mtime_ns;
}

int tree_setattr(struct tree *tree, uint64_t ino, const struct stat *st,
		 unsigned set, struct meta_inode *ret_inode)
{
	struct meta_inode before;
	int rc = dir_inode(tree, ino, ret_inode);

	if (!rc)
		rc = meta_lock(tree->meta);
	if (rc)
		return rc;
	rc = meta_inode_get(tree->meta, ino, ret_inode);
	if (!rc && set && (ret_inode->flags & META_I_REFUSED))
		rc = -EACCES;
	if (rc)
		goto out;
	before = *ret_inode;
	if (set & VFS_SET_MODE)
		ret_inode->mode =
			(before.mode & S_IFMT) | (st->st_mode & 07777);
	if (set & VFS_SET_UID)
		ret_inode->uid = st->st_uid;
	if (set & VFS_SET_GID)
		ret_inode->gid = st->st_gid;
	set_times(ret_inode, st, set);
	if (attrs_differ(&before, ret_inode)) {
		rc = object_meta_check(tree->mount, ret_inode);
		if (!rc)
			rc = tree_put_attrs(tree, ret_inode);
	} else if (set) {
		/* Nothing to send, but the user has changed it. */
		ret_inode->ctime_ns = clock_real_ns();
		rc = meta_inode_put(tree->meta, ret_inode);
	}
out:
	meta_unlock(tree->meta);
	return rc;
}

/* Fetches a symlink's target, which is its object's body. */
static int fetch_target(struct tree *tree, const struct meta_inode *inode,
			char *target)
{
	int rc;

	if (inode->size_bytes >= PATH_MAX)
		return -ENAMETOOLONG;
	rc = reader_read_sync(tree->reader, &inode->base, 0, target,
			      inode->size_bytes);
	if (rc)
		return rc;
	target[inode->size_bytes] = '\0';
	rc = meta_lock(tree->meta);
	if (rc)
		return rc;
	rc = meta_xattr_set(tree->meta, inode->ino, TREE_TARGET_XATTR, target,
			    strlen(target));
	meta_unlock(tree->meta);
	return rc;
}

/* *ret_base: what the symlink was based on. */
static int read_target(struct tree *tree, uint64_t ino, struct buf *target,
		       struct meta_version *ret_base)
{
	char text[PATH_MAX];
	struct meta_inode inode;
	struct meta_val val;
	int rc = dir_inode(tree, ino, &inode);

	if (rc)
		return rc;
	if (!S_ISLNK(inode.mode))
		return -EINVAL;
	*ret_base = inode.base;
	rc = meta_lock(tree->meta);
	if (rc)
		return rc;
	rc = meta_xattr_get(tree->meta, ino, TREE_TARGET_XATTR, &val);
	if (!rc)
		rc = buf_add(target, val.data, val.size);
	meta_unlock(tree->meta);
	if (rc != -ENODATA)
		return rc;
	rc = fetch_target(tree, &inode, text);
	return rc ? rc : buf_puts(target, text);
}

int tree_readlink(struct tree *tree, uint64_t ino, struct buf *target)
{
	int64_t until = clock_mono_ns() + REREAD_NS;
	struct meta_version base;
	int rc;

	do
		rc = read_target(tree, ino, target, &base);
	while (rc == -ESTALE && !(rc = rebased_wait(tree, ino, &base, until)));
	return rc;
}

int tree_link(struct tree *tree, uint64_t ino, uint64_t parent,
	      const char *name, struct meta_inode *ret_inode)
{
	char path[META_KEY_MAX + 2];
	struct meta_inode dir;
	int rc = check_new_name(tree, name, parent);

	if (!rc)
		rc = revive_dir_told(tree, parent);
	if (!rc)
		rc = dir_lookup(tree, parent, name, &dir);
	if (rc != -ENOENT)
		return rc ? rc : -EEXIST;
	rc = dir_inode(tree, ino, ret_inode);
	if (!rc)
		rc = meta_lock(tree->meta);
	if (rc)
		return rc;
	rc = meta_inode_get(tree->meta, ino, ret_inode);
	if (!rc && (S_ISDIR(ret_inode->mode) || ret_inode->nlink == 0))
		rc = S_ISDIR(ret_inode->mode) ? -EPERM : -ENOENT;
	if (!rc && (ret_inode->flags & META_I_REFUSED))
		rc = -EACCES;
	if (!rc)
		rc = meta_inode_get(tree->meta, parent, &dir);
	if (!rc && !dir.nlink)
		rc = -ENOENT;
	if (!rc)
		rc = names_path(tree, parent, name, S_IFREG, path);
	if (!rc)
		rc = object_meta_check(tree->mount, ret_inode);
	if (!rc)
		rc = link_add(tree, ret_inode, parent, name);
	if (!rc)
		rc = names_touch(tree, &dir, 0);
	meta_unlock(tree->meta);
	return rc;
}
