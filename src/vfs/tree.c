/* SPDX-License-Identifier: Apache-2.0 */
#include "vers3/vfs/tree.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "dress.h"
#include "reread.h"
#include "taken.h"
#include "vers3/util/clock.h"
#include "vers3/vfs/dir.h"
#include "vers3/vfs/journal.h"
#include "vers3/vfs/link.h"
#include "vers3/vfs/merge.h"
#include "vers3/vfs/mount.h"
#include "vers3/vfs/node.h"
#include "vers3/vfs/reader.h"
#include "vers3/vfs/syncer.h"

#define OPEN_NS NS_PER_S

static int mark(struct vfs *v, const struct meta_inode *in,
		const struct meta_dentry *de, const char *path)
{
	struct meta_version own;

	return journal_mark(v->journal, path,
			    link_known(v, in, de->parent, de->name, path, &own),
			    v->config.commit_ns);
}

/* The path of a name; of a directory's marker with `dir`. */
static int path_of(struct vfs *v, uint64_t parent, const char *name, bool dir,
		   char *path)
{
	int rc = meta_path(v->meta, parent, name, path);
	size_t len;

	if (rc)
		return rc;
	len = strlen(path);
	if (strlen(v->config.prefix) + len + dir > META_KEY_MAX)
		return -ENAMETOOLONG;
	if (dir)
		strcpy(path + len, "/");
	return 0;
}

int tree_mark_name(struct vfs *v, uint64_t parent, const char *name)
{
	char path[META_KEY_MAX + 2];
	int rc = path_of(v, parent, name, false, path);

	return rc ? rc
		  : journal_mark(v->journal, path, NULL, v->config.commit_ns);
}

int tree_mark_inode(struct vfs *v, const struct meta_inode *in)
{
	struct meta_dentry de = {.name = ""};
	char path[META_KEY_MAX + 2];
	int rc;

	if (in->ino == META_ROOT_INO)
		return 0; /* the root of a bucket has no key */
	while (!(rc = meta_name_next(v->meta, in->ino, de.parent, de.name,
				     &de))) {
		rc = path_of(v, de.parent, de.name, S_ISDIR(in->mode), path);
		if (rc == -ESTALE)
			continue; /* in a directory that is gone */
		if (!rc)
			rc = mark(v, in, &de, path);
		if (rc)
			return rc;
	}
	return rc == -ENOENT ? 0 : rc;
}

/* Whether a directory has any other name than this one; -errno. */
static int has_other_name(struct vfs *v, uint64_t ino, const char *name)
{
	struct meta_dentry de = {.name = ""};
	int rc;

	do {
		rc = meta_dentry_next_name(v->meta, ino, de.name, &de);
	} while (!rc && !strcmp(de.name, name));
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	return 1;
}

int tree_keep_dir(struct vfs *v, uint64_t ino, const char *name)
{
	char path[META_KEY_MAX + 2];
	struct meta_inode dir;
	int rc;

	if (ino == META_ROOT_INO)
		return 0;
	rc = meta_inode_get(v->meta, ino, &dir);
	if (rc || (dir.flags & META_I_EXPLICIT))
		return rc;
	rc = has_other_name(v, ino, name);
	if (rc)
		return rc < 0 ? rc : 0;
	rc = path_of(v, ino, NULL, true, path);
	return rc ? rc
		  : journal_mark(v->journal, path, NULL, v->config.commit_ns);
}

static void count_dirs(struct meta_inode *dir, int by)
{
	int64_t count = (int64_t)dir->nlink + by;

	/* 0 says that it is removed. */
	if (dir->nlink)
		dir->nlink = count < 2 ? 2 : (uint32_t)count;
}

static int touch_parent(struct vfs *v, struct meta_inode *dir, int nlink_by)
{
	dir->mtime_ns = dir->ctime_ns = clock_real_ns();
	count_dirs(dir, nlink_by);
	return meta_inode_put(v->meta, dir);
}

int tree_count_in(struct vfs *v, uint64_t ino, int by)
{
	struct meta_inode dir;
	int rc = by ? meta_inode_get(v->meta, ino, &dir) : 0;

	if (!by || rc)
		return rc;
	count_dirs(&dir, by);
	return meta_inode_put(v->meta, &dir);
}

int tree_touch_dir(struct vfs *v, uint64_t ino, bool lost_name)
{
	char path[META_KEY_MAX + 2];
	struct meta_inode dir;
	int rc = meta_inode_get(v->meta, ino, &dir);

	if (!rc && lost_name && ino != META_ROOT_INO &&
	    !(dir.flags & META_I_EXPLICIT) && !meta_dentry_any(v->meta, ino)) {
		rc = path_of(v, ino, NULL, true, path);
		if (!rc)
			rc = journal_mark(v->journal, path, NULL,
					  v->config.commit_ns);
		dir.flags |= META_I_EXPLICIT;
	}
	return rc ? rc : touch_parent(v, &dir, 0);
}

static int check_new_name(const struct vfs *v, const char *name,
			  uint64_t parent)
{
	if (strlen(name) > META_NAME_MAX)
		return -ENAMETOOLONG;
	if (parent == META_ROOT_INO &&
	    (mount_is_control_name(v, name) || mount_is_own_name(v, name)))
		return -EPERM;
	return merge_name_ok(NULL, name) ? 0 : -EILSEQ;
}

static void init_inode(struct meta_inode *in, uint32_t mode, uint64_t rdev,
		       const struct vfs_caller *who,
		       const struct meta_inode *dir)
{
	memset(in, 0, sizeof(*in));
	in->mode = mode;
	in->uid = who->uid;
	in->gid = who->gid;
	if (dir->mode & S_ISGID) {
		in->gid = dir->gid;
		if (S_ISDIR(mode))
			in->mode |= S_ISGID;
	}
	in->nlink = S_ISDIR(mode) ? 2 : 1;
	in->rdev = rdev;
	in->flags = META_I_ATTRS;
	if (S_ISDIR(mode))
		in->flags |= META_I_EXPLICIT | META_I_LISTED;
	in->mtime_ns = in->ctime_ns = in->atime_ns = clock_real_ns();
	in->listed_ns = in->mtime_ns;
}

/*
 * Whoever creates a file opens it next, to write. Until the last close says
 * that it may go it is left alone, or `commit=0` would save it empty first.
 */
static int64_t new_delay(const struct vfs *v, uint32_t mode)
{
	int64_t delay = v->config.commit_ns;

	return S_ISREG(mode) && delay < OPEN_NS ? OPEN_NS : delay;
}

/* With meta_lock() held. */
static int make_locked(struct vfs *v, uint64_t parent, const char *name,
		       uint32_t mode, uint64_t rdev, const char *target,
		       const struct vfs_caller *who, struct meta_inode *in)
{
	char path[META_KEY_MAX + 2];
	struct meta_inode dir;
	struct meta_dentry de;
	int rc = meta_inode_get(v->meta, parent, &dir);

	if (!rc && !S_ISDIR(dir.mode))
		rc = -ENOTDIR;
	if (!rc && !dir.nlink)
		rc = -ENOENT; /* it is removed */
	if (!rc)
		rc = path_of(v, parent, name, S_ISDIR(mode), path);
	if (!rc && !meta_dentry_get(v->meta, parent, name, &de))
		rc = -EEXIST;
	if (rc)
		return rc;
	if (S_ISDIR(mode))
		journal_changed(v->journal, path);
	/* First, since it can be refused: no name is without its record. */
	rc = journal_mark(v->journal, path, NULL, new_delay(v, mode));
	if (rc)
		return rc;
	init_inode(in, mode, rdev, who, &dir);
	rc = meta_next_id(v->meta, &in->ino);
	if (!rc)
		rc = tree_inherit(v, parent, who->umask, in);
	if (!rc && target) {
		in->size_bytes = strlen(target);
		rc = meta_xattr_set(v->meta, in->ino, TREE_TARGET_XATTR, target,
				    in->size_bytes);
	}
	if (!rc)
		rc = meta_inode_put(v->meta, in);
	if (!rc)
		rc = meta_dentry_add(v->meta, parent, name, in->ino);
	if (!rc)
		rc = touch_parent(v, &dir, S_ISDIR(mode) ? 1 : 0);
	return rc;
}

int tree_make(struct vfs *v, uint64_t parent, const char *name, uint32_t mode,
	      uint64_t rdev, const char *target, const struct vfs_caller *who,
	      struct meta_inode *ret_inode)
{
	int rc = check_new_name(v, name, parent);

	if (!rc && target && strlen(target) >= PATH_MAX)
		rc = -ENAMETOOLONG;
	if (rc)
		return rc;
	rc = taken_revive(v, parent, true);
	if (rc)
		return rc;
	/* Does another mount have that name? */
	rc = dir_lookup(v, parent, name, ret_inode);
	if (rc != -ENOENT)
		return rc ? rc : -EEXIST;
	/* With its attributes: they may be handed down. */
	rc = dir_inode(v, parent, ret_inode);
	if (!rc && !S_ISLNK(mode))
		tree_lists(v, parent);
	if (!rc)
		rc = meta_lock(v->meta);
	if (rc)
		return rc;
	rc = make_locked(v, parent, name, mode, rdev, target, who, ret_inode);
	meta_unlock(v->meta);
	return rc;
}

/* Whether the record of a key waits for another one. */
static bool waits_for(struct vfs *v, const char *key, const char *after)
{
	struct meta_dirty d;

	return !meta_dirty_get(v->meta, key, &d) && !strcmp(d.after, after);
}

/* The path of an inode's first name that has one. 0 or -ENOENT. */
static int first_path(struct vfs *v, const struct meta_inode *in, char *path)
{
	struct meta_dentry de = {.name = ""};
	int rc;

	while (!(rc = meta_name_next(v->meta, in->ino, de.parent, de.name,
				     &de))) {
		rc = meta_path(v->meta, de.parent, de.name, path);
		/* In a directory that is gone nothing has one. */
		if (rc != -ESTALE)
			return rc;
	}
	return rc;
}

int tree_link_removed(struct vfs *v, struct meta_inode *in, const char *gone)
{
	char path[META_KEY_MAX + 1];
	int rc;

	if (S_ISDIR(in->mode) || in->nlink == 0)
		return 0;
	rc = link_removed(v, in);
	if (!rc)
		rc = first_path(v, in, path);
	if (rc == -ENOENT)
		return 0; /* the others are gone, too */
	/* What the other names copy from must not go before they have. */
	if (!rc &&
	    (!strcmp(in->base.key, gone) || waits_for(v, in->base.key, gone)))
		rc = tree_hold_source(v, in, path);
	return rc;
}

/* Takes a name away from its inode; with meta_lock() held. */
static int drop_name(struct vfs *v, const struct meta_dentry *de,
		     struct meta_inode *in)
{
	char path[META_KEY_MAX + 2];
	int rc = path_of(v, de->parent, de->name, S_ISDIR(in->mode), path);

	if (!rc)
		rc = mark(v, in, de, path);
	if (!rc && S_ISDIR(in->mode))
		journal_changed(v->journal, path);
	/* The other names, too, before anything is changed. */
	if (!rc && in->nlink > 1 && !S_ISDIR(in->mode))
		rc = tree_mark_inode(v, in);
	if (!rc)
		rc = meta_dentry_del(v->meta, de->parent, de->name);
	if (rc)
		return rc;
	in->nlink = S_ISDIR(in->mode) ? 0 : in->nlink - 1;
	in->ctime_ns = clock_real_ns();
	/*
	 * The user has deleted or replaced it: what was uploaded stays in
	 * the bucket's history, what was not is unwanted.
	 */
	rc = dir_unname_inode(v, in);
	return rc ? rc : tree_link_removed(v, in, path);
}

int tree_is_empty(struct vfs *v, const struct meta_inode *dir)
{
	int rc = meta_dentry_any(v->meta, dir->ino);

	if (rc < 0)
		return rc;
	/* With a key that no name shows it would come back. */
	return !rc && !(dir->flags & META_I_HIDES);
}

static int remove_locked(struct vfs *v, uint64_t parent, const char *name,
			 bool directory)
{
	struct meta_inode dir, in;
	struct meta_dentry de = {.ino = 0};
	int rc = meta_inode_get(v->meta, parent, &dir);

	if (!rc)
		rc = meta_dentry_get(v->meta, parent, name, &de);
	if (!rc)
		rc = meta_inode_get(v->meta, de.ino, &in);
	if (rc)
		return rc;
	if (directory && !S_ISDIR(in.mode))
		return -ENOTDIR;
	if (!directory && S_ISDIR(in.mode))
		return -EISDIR;
	if (directory) {
		rc = tree_is_empty(v, &in);
		if (rc <= 0)
			return rc < 0 ? rc : -ENOTEMPTY;
	}
	rc = tree_keep_dir(v, parent, name);
	if (!rc)
		rc = drop_name(v, &de, &in);
	if (!rc && directory)
		rc = touch_parent(v, &dir, -1);
	return rc ? rc : tree_touch_dir(v, parent, true);
}

static int remove_name(struct vfs *v, uint64_t parent, const char *name,
		       bool directory)
{
	struct meta_inode in;
	int rc = dir_find(v, parent, name, &in);

	/* Only a complete list tells whether a directory is empty. */
	if (!rc && directory && S_ISDIR(in.mode))
		rc = dir_refresh(v, in.ino);
	if (!rc)
		rc = meta_lock(v->meta);
	if (rc)
		return rc;
	rc = remove_locked(v, parent, name, directory);
	meta_unlock(v->meta);
	return rc;
}

int tree_unlink(struct vfs *v, uint64_t parent, const char *name)
{
	return remove_name(v, parent, name, false);
}

int tree_rmdir(struct vfs *v, uint64_t parent, const char *name)
{
	return remove_name(v, parent, name, true);
}

static void set_times(struct meta_inode *in, const struct stat *st,
		      unsigned set)
{
	int64_t now = clock_real_ns();

	if (set & VFS_SET_ATIME)
		in->atime_ns = clock_from_seconds(st->st_atim.tv_sec,
						  st->st_atim.tv_nsec);
	if (set & VFS_SET_ATIME_NOW)
		in->atime_ns = now;
	if (set & VFS_SET_MTIME)
		in->mtime_ns = clock_from_seconds(st->st_mtim.tv_sec,
						  st->st_mtim.tv_nsec);
	if (set & VFS_SET_MTIME_NOW)
		in->mtime_ns = now;
}

/* Whether the object's metadata has to change for it. */
static bool attrs_differ(const struct meta_inode *a, const struct meta_inode *b)
{
	return a->mode != b->mode || a->uid != b->uid || a->gid != b->gid ||
	       a->mtime_ns != b->mtime_ns;
}

int tree_put_attrs(struct vfs *v, struct meta_inode *in)
{
	/* First: what the bucket holds is read from the inode as it was. */
	int rc = tree_mark_inode(v, in);

	if (rc)
		return rc;
	/* All of them are named with what changes. */
	in->flags &= ~(uint32_t)META_I_LACKS;
	in->flags |= META_I_ATTR_DIRTY;
	if (S_ISDIR(in->mode))
		in->flags |= META_I_EXPLICIT;
	in->ctime_ns = clock_real_ns();
	in->change++;
	return meta_inode_put(v->meta, in);
}

int tree_setattr(struct vfs *v, uint64_t ino, const struct stat *st,
		 unsigned set, struct meta_inode *ret_inode)
{
	struct meta_inode before;
	int rc = dir_inode(v, ino, ret_inode);

	if (!rc)
		rc = meta_lock(v->meta);
	if (rc)
		return rc;
	rc = meta_inode_get(v->meta, ino, ret_inode);
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
		rc = dress_check(v, ret_inode);
		if (!rc)
			rc = tree_put_attrs(v, ret_inode);
	} else if (set) {
		/* Nothing to send, but the user has changed it. */
		ret_inode->ctime_ns = clock_real_ns();
		rc = meta_inode_put(v->meta, ret_inode);
	}
out:
	meta_unlock(v->meta);
	return rc;
}

/* Fetches a symlink's target, which is its object's body. */
static int fetch_target(struct vfs *v, const struct meta_inode *in,
			char *target)
{
	int rc;

	if (in->size_bytes >= PATH_MAX)
		return -ENAMETOOLONG;
	rc = reader_read_sync(v->reader, &in->base, 0, target, in->size_bytes);
	if (rc)
		return rc;
	target[in->size_bytes] = '\0';
	rc = meta_lock(v->meta);
	if (rc)
		return rc;
	rc = meta_xattr_set(v->meta, in->ino, TREE_TARGET_XATTR, target,
			    strlen(target));
	meta_unlock(v->meta);
	return rc;
}

/* *ret_base: what the symlink was based on. */
static int read_target(struct vfs *v, uint64_t ino, struct buf *target,
		       struct meta_version *ret_base)
{
	char text[PATH_MAX];
	struct meta_inode in;
	struct meta_val val;
	int rc = dir_inode(v, ino, &in);

	if (rc)
		return rc;
	if (!S_ISLNK(in.mode))
		return -EINVAL;
	*ret_base = in.base;
	rc = meta_lock(v->meta);
	if (rc)
		return rc;
	rc = meta_xattr_get(v->meta, ino, TREE_TARGET_XATTR, &val);
	if (!rc)
		rc = buf_add(target, val.data, val.size);
	meta_unlock(v->meta);
	if (rc != -ENODATA)
		return rc;
	rc = fetch_target(v, &in, text);
	return rc ? rc : buf_puts(target, text);
}

int tree_readlink(struct vfs *v, uint64_t ino, struct buf *target)
{
	int64_t until = clock_mono_ns() + REREAD_NS;
	struct meta_version base;
	int rc;

	do
		rc = read_target(v, ino, target, &base);
	while (rc == -ESTALE && !(rc = reread_wait(v, ino, &base, until)));
	return rc;
}

int tree_link(struct vfs *v, uint64_t ino, uint64_t parent, const char *name,
	      struct meta_inode *ret_inode)
{
	char path[META_KEY_MAX + 2];
	struct meta_inode dir;
	int rc = check_new_name(v, name, parent);

	if (!rc)
		rc = taken_revive(v, parent, true);
	if (!rc)
		rc = dir_lookup(v, parent, name, &dir);
	if (rc != -ENOENT)
		return rc ? rc : -EEXIST;
	rc = dir_inode(v, ino, ret_inode);
	if (!rc)
		rc = meta_lock(v->meta);
	if (rc)
		return rc;
	rc = meta_inode_get(v->meta, ino, ret_inode);
	if (!rc && (S_ISDIR(ret_inode->mode) || ret_inode->nlink == 0))
		rc = S_ISDIR(ret_inode->mode) ? -EPERM : -ENOENT;
	if (!rc && (ret_inode->flags & META_I_REFUSED))
		rc = -EACCES;
	if (!rc)
		rc = meta_inode_get(v->meta, parent, &dir);
	if (!rc && !dir.nlink)
		rc = -ENOENT;
	if (!rc)
		rc = path_of(v, parent, name, false, path);
	if (!rc)
		rc = dress_check(v, ret_inode);
	if (!rc)
		rc = link_add(v, ret_inode, parent, name);
	if (!rc)
		rc = touch_parent(v, &dir, 0);
	meta_unlock(v->meta);
	return rc;
}
