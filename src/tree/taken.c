/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The place is kept with the inode, as an attribute that is no user's. Which
 * directories the kernel knows is not known here: some are kept until it
 * forgets them, or until the next mount. That this mount has changed nothing
 * there since is known by a watch (journal.h).
 */
#include "vers3/tree/taken.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dir_impl.h"
#include "tree_impl.h"
#include "vers3/core/mount.h"
#include "vers3/core/node.h"
#include "vers3/journal/journal.h"
#include "vers3/meta/dentry.h"
#include "vers3/meta/dirty.h"
#include "vers3/tree/dir.h"
#include "vers3/tree/tree.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"

#define TAKEN_XATTR "vers3.taken" /* the path it had */
#define KEPT_MAX    10000 /* nameless inodes: no more are kept for this */

/* Where an inode stood. */
struct taken_from {
	uint64_t at; /* journal_watch() */
	uint64_t parent; /* 0: it was out of the tree, too */
	char path[META_KEY_MAX + 2]; /* with room for a slash */
};
#define TAKEN_FROM_HEAD offsetof(struct taken_from, path)

static bool is_dirty(struct tree *tree, const char *key)
{
	struct meta_dirty dirty;

	return !meta_dirty_get(tree->meta, key, &dirty);
}

/* The inode of the directory that a path is in; 0: there is none. */
static uint64_t parent_of(struct tree *tree, const char *path)
{
	uint64_t ino;

	return meta_resolve_parent(tree->meta, path, &ino) ? 0 : ino;
}

static int note_from(struct tree *tree, uint64_t ino, const char *path)
{
	struct taken_from p = {.parent = parent_of(tree, path)};

	strcpy(p.path, path);
	p.at = journal_watch(tree->journal, path);
	return meta_xattr_set(tree->meta, ino, TAKEN_XATTR, &p,
			      TAKEN_FROM_HEAD + strlen(path) + 1);
}

/* One that the kernel may know, or that a rule may have taken. */
static bool keeps_directory(struct tree *tree, const struct meta_inode *inode)
{
	return (tree->mount->notify.forgets ||
		(inode->flags & META_I_EXPLICIT)) &&
	       meta_count(tree->meta, META_ORPHAN) < KEPT_MAX;
}

/* One that was written to while the directory that it was in was going. */
static bool is_changed(const struct meta_inode *inode)
{
	return !S_ISDIR(inode->mode) && !inode->nlink &&
	       (inode->flags & META_I_STAGED);
}

static int keep_changed(struct tree *tree, struct meta_inode *inode,
			const char *path)
{
	int rc = dir_keep_inode(tree, inode);

	if (!rc)
		rc = taken_back(tree, inode, inode->base_bytes);
	if (rc != -ENOENT && rc != -EIO && rc != -EBUSY)
		return rc;
	/* It is no error of who looks there; who wrote has been answered. */
	log_warning("%s was written to while others took it away, and cannot "
		    "come back: the change is not saved",
		    path);
	return 0;
}

int taken_drop(struct tree *tree, struct meta_inode *inode, const char *path)
{
	bool dir = S_ISDIR(inode->mode);
	bool keep = dir ? keeps_directory(tree, inode)
			: !inode->nlink && !is_dirty(tree, path) &&
				    (is_changed(inode) ||
				     nodes_is_written(tree->mount->nodes,
						      inode->ino));
	int rc = 0;

	if (keep)
		rc = note_from(tree, inode->ino, path);
	if (!rc && keep && is_changed(inode))
		return keep_changed(tree, inode, path);
	if (rc || !keep || !dir)
		return rc ? rc : dir_drop_inode(tree, inode);
	if (inode->flags & META_I_EXPLICIT)
		expired_note(tree, inode, path);
	return dir_keep_inode(tree, inode);
}

/* -ENOENT: it was not taken. -ESTALE: it has changed here since. */
static int read_from(struct tree *tree, uint64_t ino, struct taken_from *p)
{
	enum journal_reach reach = JOURNAL_PATH;
	struct meta_val val;
	int rc = meta_xattr_get(tree->meta, ino, TAKEN_XATTR, &val);

	if (rc)
		return rc == -ENODATA ? -ENOENT : rc;
	if (val.size <= TAKEN_FROM_HEAD ||
	    val.size > TAKEN_FROM_HEAD + META_KEY_MAX + 1)
		return -EIO;
	memcpy(p, val.data, val.size);
	((char *)p)[val.size - 1] = '\0';
	/* The directory that it was in is none that was made here since. */
	if (!p->parent || parent_of(tree, p->path) != p->parent)
		reach = JOURNAL_WAY;
	return journal_has_changed(tree->journal, p->path, p->at, reach)
		       ? -ESTALE
		       : 0;
}

/* One more directory in `parent`, which is there by what will be in it. */
static int add_dir(struct tree *tree, uint64_t parent, const char *name,
		   uint64_t *ret_ino)
{
	struct meta_inode inode = {.nlink = 2, .flags = META_I_LACKS};
	int rc = meta_next_id(tree->meta, &inode.ino);

	inode.mode = S_IFDIR;
	meta_fill_in(tree->meta, inode.flags, &inode.mode, &inode.uid,
		     &inode.gid);
	inode.mtime_ns = inode.ctime_ns = inode.atime_ns = clock_real_ns();
	if (!rc)
		rc = meta_inode_put(tree->meta, &inode);
	if (!rc)
		rc = meta_dentry_add(tree->meta, parent, name, inode.ino);
	if (rc)
		return rc;
	mount_inval_entry(tree->mount, parent, name);
	*ret_ino = inode.ino;
	return tree_count_in(tree, parent, 1);
}

/*
 * One directory on the way: path is its own, with room for a slash. What this
 * mount has removed itself is not made again.
 */
static int enter(struct tree *tree, char *path, const char *name, uint64_t *ino)
{
	size_t len = strlen(path);
	struct meta_dentry dentry;
	struct meta_inode inode;
	bool removed;
	int rc = meta_dentry_get(tree->meta, *ino, name, &dentry);

	if (!rc)
		rc = meta_inode_get(tree->meta, dentry.ino, &inode);
	if (!rc && !S_ISDIR(inode.mode))
		return -ESTALE;
	if (!rc)
		*ino = dentry.ino;
	if (rc != -ENOENT)
		return rc;
	strcpy(path + len, "/");
	removed = is_dirty(tree, path);
	path[len] = '\0';
	return removed || is_dirty(tree, path) ? -ESTALE
					       : add_dir(tree, *ino, name, ino);
}

/*
 * The directory that a path is in, made with all that lead to it where they
 * are gone; *ret_name: the rest of the path.
 */
static int make_way(struct tree *tree, const char *path, uint64_t *ret_ino,
		    const char **ret_name)
{
	char dir[META_KEY_MAX + 2];
	uint64_t ino = META_ROOT_INO;
	const char *slash;
	int rc = 0;

	*ret_name = path;
	while (!rc && (slash = strchr(*ret_name, '/'))) {
		size_t skip = (size_t)(*ret_name - path);

		memcpy(dir, path, (size_t)(slash - path));
		dir[slash - path] = '\0';
		rc = enter(tree, dir, dir + skip, &ino);
		*ret_name = slash + 1;
	}
	*ret_ino = ino;
	return rc;
}

/*
 * Whether a file may go where others have another one. Both were changed, and
 * ours comes on top of theirs, as when they are faster. It has no change of
 * ours, so that the bucket has every byte of it, in its history if need be;
 * where none is kept the last to save wins, as in conflict.h.
 */
static int check_theirs(struct tree *tree, const struct meta_dentry *dentry)
{
	struct meta_inode inode;
	int rc = meta_inode_get(tree->meta, dentry->ino, &inode);

	if (rc)
		return rc;
	return S_ISDIR(inode.mode) || inode.nlink > 1 ||
			       (inode.flags & META_I_STAGED) ||
			       nodes_is_written(tree->mount->nodes, inode.ino)
		       ? -ESTALE
		       : 0;
}

static int displace(struct tree *tree, const struct meta_dentry *dentry)
{
	struct meta_inode inode;
	int rc = meta_inode_get(tree->meta, dentry->ino, &inode);

	if (!rc)
		rc = meta_dentry_del(tree->meta, dentry->parent, dentry->name);
	inode.nlink = 0;
	return rc ? rc : dir_unname_inode(tree, &inode);
}

static int put_name(struct tree *tree, struct meta_inode *inode,
		    uint64_t parent, const char *name)
{
	int rc = meta_dentry_add(tree->meta, parent, name, inode->ino);

	if (!rc)
		rc = meta_xattr_del(tree->meta, inode->ino, TAKEN_XATTR);
	if (!rc)
		rc = meta_orphan_del(tree->meta, inode->ino);
	if (rc && rc != -ENOENT)
		return rc;
	mount_inval_entry(tree->mount, parent, name);
	atomic_fetch_add(&tree->dirs->taken, 1);
	inode->nlink = S_ISDIR(inode->mode) ? 2 : 1;
	return meta_inode_put(tree->meta, inode);
}

static int file_back(struct tree *tree, struct meta_inode *inode,
		     const char *path, uint64_t base_bytes)
{
	struct meta_dentry dentry;
	const char *name;
	uint64_t parent;
	bool there;
	int rc;

	if (is_dirty(tree, path))
		return -ESTALE;
	/*
	 * Who took it took these bytes, too: it could never be saved, which who
	 * writes learns now, as it would be too late at the close.
	 */
	if (base_bytes &&
	    !(tree->mount->config.versioned && inode->base.version_id[0]))
		return -EIO;
	rc = make_way(tree, path, &parent, &name);
	if (rc)
		return rc;
	there = !meta_dentry_get(tree->meta, parent, name, &dentry);
	if (there)
		rc = check_theirs(tree, &dentry);
	/*
	 * First, since it can be refused: no name is without its record. What
	 * was staged without a name is marked by nobody later.
	 */
	if (!rc)
		rc = journal_mark(tree->journal, path,
				  strcmp(inode->base.key, path) ? NULL
								: &inode->base,
				  tree->mount->config.commit_ns);
	if (!rc && there)
		rc = displace(tree, &dentry);
	if (!rc)
		rc = put_name(tree, inode, parent, name);
	/* So that what they did is looked at, and listed. */
	if (!rc)
		journal_suspect(tree->journal, path);
	return rc ? rc : tree_touch_dir(tree, parent);
}

/* With an object of its own, which says what it was. */
static int directory_back(struct tree *tree, struct meta_inode *inode,
			  char *path)
{
	struct meta_dentry dentry;
	const char *name;
	uint64_t parent;
	int rc = make_way(tree, path, &parent, &name);

	if (!rc && !meta_dentry_get(tree->meta, parent, name, &dentry))
		rc = -ESTALE;
	if (rc)
		return rc;
	inode->flags |= META_I_EXPLICIT;
	memset(&inode->base, 0, sizeof(inode->base));
	inode->listed_ns = 0;
	/* First, since it can be refused: no name is without its record. */
	strcat(path, "/");
	rc = journal_mark(tree->journal, path, NULL,
			  tree->mount->config.commit_ns);
	path[strlen(path) - 1] = '\0'; /* the name stands in it */
	if (!rc)
		rc = put_name(tree, inode, parent, name);
	return rc ? rc : tree_count_in(tree, parent, 1);
}

int taken_back(struct tree *tree, struct meta_inode *inode, uint64_t base_bytes)
{
	struct taken_from p;
	int rc = read_from(tree, inode->ino, &p);

	if (!rc && S_ISDIR(inode->mode)) {
		strcat(p.path, "/");
		rc = is_dirty(tree, p.path) ? -ESTALE : 0;
		p.path[strlen(p.path) - 1] = '\0';
		return rc ? rc : directory_back(tree, inode, p.path);
	}
	if (!rc)
		rc = file_back(tree, inode, p.path, base_bytes);
	/* Nor later, when nothing may tell any more why. */
	if (rc == -ESTALE && !S_ISDIR(inode->mode))
		rc = meta_xattr_del(tree->meta, inode->ino, TAKEN_XATTR);
	return rc == -ENODATA || (!rc && !inode->nlink) ? -ENOENT : rc;
}

unsigned taken_count(struct tree *tree)
{
	return atomic_load(&tree->dirs->taken);
}

void taken_tell(struct tree *tree, unsigned before)
{
	if (taken_count(tree) != before)
		mount_inval_flush(tree->mount);
}
