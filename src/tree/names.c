/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every change of a name has to do: keys are marked, the directory's times
 * and counts follow, an inode without names goes or is kept. No request.
 */
#include "names.h"

#include <errno.h>
#include <string.h>

#include "dir_impl.h"
#include "hidden.h"
#include "tree_impl.h"
#include "vers3/core/node.h"
#include "vers3/journal/journal.h"
#include "vers3/meta/dentry.h"
#include "vers3/tree/dir.h"
#include "vers3/tree/link.h"
#include "vers3/tree/tree.h"
#include "vers3/util/clock.h"

const struct meta_version *
link_known(struct tree *tree, const struct meta_inode *inode, uint64_t parent,
	   const char *name, const char *path, struct meta_version *buf)
{
	/* The last name that is left is kept up to date by the base alone. */
	if (inode->nlink < 2 && !strcmp(inode->base.key, path))
		return &inode->base;
	if (!S_ISDIR(inode->mode) &&
	    !meta_name_version_get(tree->meta, inode->ino, parent, name, buf))
		return buf;
	return strcmp(inode->base.key, path) ? NULL : &inode->base;
}

int names_mark(struct tree *tree, const struct meta_inode *inode,
	       const struct meta_dentry *dentry, const char *path)
{
	struct meta_version own;

	return journal_mark(tree->journal, path,
			    link_known(tree, inode, dentry->parent,
				       dentry->name, path, &own),
			    tree->mount->config.commit_ns);
}

int names_path(struct tree *tree, uint64_t parent, const char *name,
	       uint32_t mode, char *path)
{
	int rc = meta_path(tree->meta, parent, name, path);
	bool marker = S_ISDIR(mode);
	size_t len;

	if (rc)
		return rc;
	len = strlen(path);
	if (strlen(tree->mount->config.prefix) + len + marker > META_KEY_MAX)
		return -ENAMETOOLONG;
	if (marker)
		strcpy(path + len, "/");
	return 0;
}

/* Marks a key of which the bucket is not known to hold anything. */
static int mark_new(struct tree *tree, uint64_t parent, const char *name,
		    uint32_t mode)
{
	char path[META_KEY_MAX + 2];
	int rc = names_path(tree, parent, name, mode, path);

	return rc ? rc
		  : journal_mark(tree->journal, path, NULL,
				 tree->mount->config.commit_ns);
}

int tree_mark_name(struct tree *tree, uint64_t parent, const char *name)
{
	return mark_new(tree, parent, name, S_IFREG);
}

int tree_mark_inode(struct tree *tree, const struct meta_inode *inode)
{
	struct meta_dentry dentry = {.name = ""};
	char path[META_KEY_MAX + 2];
	int rc;

	if (inode->ino == META_ROOT_INO)
		return 0; /* the root of a bucket has no key */
	while (!(rc = meta_name_next(tree->meta, inode->ino, dentry.parent,
				     dentry.name, &dentry))) {
		rc = names_path(tree, dentry.parent, dentry.name, inode->mode,
				path);
		if (rc == -ESTALE)
			continue; /* in a directory that is gone */
		if (!rc)
			rc = names_mark(tree, inode, &dentry, path);
		if (rc)
			return rc;
	}
	return rc == -ENOENT ? 0 : rc;
}

/* Whether a directory has any other name than this one; -errno. */
static int has_other_name(struct tree *tree, uint64_t ino, const char *name)
{
	struct meta_dentry dentry = {.name = ""};
	int rc;

	do {
		rc = meta_dentry_next_name(tree->meta, ino, dentry.name,
					   &dentry);
	} while (!rc && !strcmp(dentry.name, name));
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	return 1;
}

int tree_keep_dir(struct tree *tree, uint64_t ino, const char *name)
{
	struct meta_inode dir;
	int rc;

	if (ino == META_ROOT_INO)
		return 0;
	rc = meta_inode_get(tree->meta, ino, &dir);
	if (rc || (dir.flags & META_I_EXPLICIT))
		return rc;
	rc = has_other_name(tree, ino, name);
	if (rc)
		return rc < 0 ? rc : 0;
	return mark_new(tree, ino, NULL, S_IFDIR);
}

static void count_dirs(struct meta_inode *dir, int by)
{
	int64_t count = (int64_t)dir->nlink + by;

	/* 0 says that it is removed. */
	if (dir->nlink)
		dir->nlink = count < 2 ? 2 : (uint32_t)count;
}

int names_touch(struct tree *tree, struct meta_inode *dir, int nlink_by)
{
	dir->mtime_ns = dir->ctime_ns = clock_real_ns();
	count_dirs(dir, nlink_by);
	return meta_inode_put(tree->meta, dir);
}

int tree_count_in(struct tree *tree, uint64_t ino, int by)
{
	struct meta_inode dir;
	int rc = by ? meta_inode_get(tree->meta, ino, &dir) : 0;

	if (!by || rc)
		return rc;
	count_dirs(&dir, by);
	return meta_inode_put(tree->meta, &dir);
}

int tree_touch_dir(struct tree *tree, uint64_t ino)
{
	struct meta_inode dir;
	int rc = meta_inode_get(tree->meta, ino, &dir);

	return rc ? rc : names_touch(tree, &dir, 0);
}

int tree_lost_name(struct tree *tree, uint64_t ino)
{
	struct meta_inode dir;
	int rc = meta_inode_get(tree->meta, ino, &dir);

	if (!rc && ino != META_ROOT_INO && !(dir.flags & META_I_EXPLICIT) &&
	    !meta_dentry_any(tree->meta, ino)) {
		rc = mark_new(tree, ino, NULL, S_IFDIR);
		dir.flags |= META_I_EXPLICIT;
	}
	return rc ? rc : names_touch(tree, &dir, 0);
}

int tree_put_attrs(struct tree *tree, struct meta_inode *inode)
{
	/* First: what the bucket holds is read from the inode as it was. */
	int rc = tree_mark_inode(tree, inode);

	if (rc)
		return rc;
	/* All of them are named with what changes. */
	inode->flags &= ~(uint32_t)META_I_LACKS;
	inode->flags |= META_I_ATTR_DIRTY;
	if (S_ISDIR(inode->mode))
		inode->flags |= META_I_EXPLICIT;
	inode->ctime_ns = clock_real_ns();
	inode->change++;
	return meta_inode_put(tree->meta, inode);
}

static int drop(struct tree *tree, struct meta_inode *inode, bool keep)
{
	struct hidden_list none = {.count = 0};
	int rc = meta_inode_put(tree->meta, inode);

	if (rc || (inode->nlink > 0 && !S_ISDIR(inode->mode)))
		return rc;
	if (S_ISDIR(inode->mode))
		hidden_note(tree->dirs->hidden, inode->ino, &none);
	if (keep || nodes_is_open(tree->mount->nodes, inode->ino))
		return meta_orphan_add(tree->meta, inode->ino);
	rc = meta_inode_del(tree->meta, inode->ino);
	/*
	 * Nobody can read the staged bytes any more: the user has deleted
	 * the file or replaced it, or taken.c has said that what was written
	 * cannot come back. A crash before the commit would bring the
	 * inode back, so the bytes go only when that is durable.
	 */
	if (!rc && (inode->flags & META_I_STAGED))
		journal_reap(tree->journal, inode->ino);
	return rc;
}

int dir_drop_inode(struct tree *tree, struct meta_inode *inode)
{
	return drop(tree, inode, false);
}

int dir_keep_inode(struct tree *tree, struct meta_inode *inode)
{
	return drop(tree, inode, true);
}

int dir_unname_inode(struct tree *tree, struct meta_inode *inode)
{
	return drop(tree, inode, tree->mount->notify.forgets);
}

bool dir_is_fresh(struct tree *tree, const struct meta_inode *dir)
{
	int64_t age = clock_real_ns() - dir->listed_ns;

	return (dir->flags & META_I_LISTED) && age >= 0 &&
	       age < tree->mount->config.ttl_ns;
}

void dir_forget_inode(struct tree *tree, uint64_t ino)
{
	struct meta_inode inode;

	if (meta_orphan_del(tree->meta, ino))
		return; /* it has a name, or is gone */
	/* Nobody can reach its bytes any more. */
	if (!meta_inode_get(tree->meta, ino, &inode) && inode.nlink == 0)
		drop(tree, &inode, false);
}
