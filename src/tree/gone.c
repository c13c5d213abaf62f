/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory out of the tree has no path, so no key of it can become dirty;
 * who has something in it open goes on with it as with what is unlinked. Its
 * record in META_GONE holds the path it had.
 */
#include "vers3/tree/gone.h"

#include <errno.h>
#include <time.h>

#include "tree_impl.h"
#include "vers3/core/mount.h"
#include "vers3/meta/dentry.h"
#include "vers3/tree/dir.h"
#include "vers3/tree/link.h"
#include "vers3/tree/taken.h"
#include "vers3/util/clock.h"

#define PAUSE_NS (NS_PER_MS / 20)

int gone_detach(struct tree *tree, const struct meta_dentry *dentry,
		struct meta_inode *inode, const char *path)
{
	int rc = meta_dentry_del(tree->meta, dentry->parent, dentry->name);

	if (rc)
		return rc;
	/* The kernel drops what it knows below it, too. */
	mount_inval_entry(tree->mount, dentry->parent, dentry->name);
	inode->nlink = 0;
	rc = meta_inode_put(tree->meta, inode);
	return rc ? rc : meta_gone_add(tree->meta, inode->ino, path);
}

/* The directory is empty. */
static int end_directory(struct tree *tree, uint64_t ino, const char *path)
{
	struct meta_inode inode;
	int rc = meta_gone_del(tree->meta, ino);

	if (!rc)
		rc = meta_inode_get(tree->meta, ino, &inode);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	return taken_drop(tree, &inode, path);
}

/* Takes one name out of a directory that was at path `dir`. */
static int take_name(struct tree *tree, const struct meta_dentry *dentry,
		     const char *dir)
{
	char path[META_KEY_MAX + 1];
	struct meta_inode inode;
	uint64_t other;
	int rc = mount_child_path(dir, dentry->name, path);

	if (!rc)
		rc = meta_inode_get(tree->meta, dentry->ino, &inode);
	if (rc)
		return rc == -ENOENT
			       ? meta_dentry_del(tree->meta, dentry->parent,
						 dentry->name)
			       : rc;
	if (S_ISDIR(inode.mode))
		return gone_detach(tree, dentry, &inode, path);
	/*
	 * Clean when the directory went, so that the bucket has had every byte
	 * of it; what was written since: taken.c.
	 */
	rc = meta_dentry_del(tree->meta, dentry->parent, dentry->name);
	inode.nlink--;
	/* What has come there meanwhile may be this mount's. */
	if (!rc && meta_resolve(tree->meta, path, &other) == -ENOENT)
		rc = taken_drop(tree, &inode, path);
	else if (!rc)
		rc = dir_drop_inode(tree, &inode);
	return rc ? rc : link_lost(tree, &inode, path);
}

/* One hold. -ENOENT: nothing is left. */
static int sweep_some(struct tree *tree)
{
	int64_t until = clock_mono_ns() + GONE_HOLD_NS;
	char path[META_KEY_MAX + 1];
	struct meta_dentry dentry;
	uint64_t ino;
	int rc = meta_lock(tree->meta);

	if (rc)
		return rc;
	do {
		rc = meta_gone_next(tree->meta, 0, &ino, path);
		if (rc)
			break;
		rc = meta_dentry_next_name(tree->meta, ino, "", &dentry);
		if (rc == -ENOENT)
			rc = end_directory(tree, ino, path);
		else if (!rc)
			rc = take_name(tree, &dentry, path);
	} while (!rc && clock_mono_ns() < until);
	meta_unlock(tree->meta);
	return rc;
}

int gone_sweep(struct tree *tree)
{
	int rc;

	while (!(rc = sweep_some(tree)))
		gone_pause();
	return rc == -ENOENT ? 0 : rc;
}

void gone_pause(void)
{
	struct timespec pause = clock_timespec(PAUSE_NS);

	nanosleep(&pause, NULL);
}
