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
#include "vers3/tree/tree.h"
#include "vers3/util/clock.h"

#define PAUSE_NS (NS_PER_MS / 20)

int gone_detach(struct tree *tree, const struct meta_dentry *de,
		struct meta_inode *in, const char *path)
{
	int rc = meta_dentry_del(tree->meta, de->parent, de->name);

	if (rc)
		return rc;
	/* The kernel drops what it knows below it, too. */
	mount_inval_entry(tree->mount, de->parent, de->name);
	in->nlink = 0;
	rc = meta_inode_put(tree->meta, in);
	return rc ? rc : meta_gone_add(tree->meta, in->ino, path);
}

/* The directory is empty. */
static int end_directory(struct tree *tree, uint64_t ino, const char *path)
{
	struct meta_inode in;
	int rc = meta_gone_del(tree->meta, ino);

	if (!rc)
		rc = meta_inode_get(tree->meta, ino, &in);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	return taken_drop(tree, &in, path);
}

/* Takes one name out of a directory that was at path `dir`. */
static int take_name(struct tree *tree, const struct meta_dentry *de,
		     const char *dir)
{
	char path[META_KEY_MAX + 1];
	struct meta_inode in;
	uint64_t other;
	int rc = mount_child_path(dir, de->name, path);

	if (!rc)
		rc = meta_inode_get(tree->meta, de->ino, &in);
	if (rc)
		return rc == -ENOENT ? meta_dentry_del(tree->meta, de->parent,
						       de->name)
				     : rc;
	if (S_ISDIR(in.mode))
		return gone_detach(tree, de, &in, path);
	/*
	 * Clean when the directory went, so that the bucket has had every byte
	 * of it; what was written since: taken.c.
	 */
	rc = meta_dentry_del(tree->meta, de->parent, de->name);
	in.nlink--;
	/* What has come there meanwhile may be this mount's. */
	if (!rc && meta_resolve(tree->meta, path, &other) == -ENOENT)
		rc = taken_drop(tree, &in, path);
	else if (!rc)
		rc = dir_drop_inode(tree, &in);
	return rc ? rc : link_lost(tree, &in, path);
}

/* One hold. -ENOENT: nothing is left. */
static int sweep_some(struct tree *tree)
{
	int64_t until = clock_mono_ns() + GONE_HOLD_NS;
	char path[META_KEY_MAX + 1];
	struct meta_dentry de;
	uint64_t ino;
	int rc = meta_lock(tree->meta);

	if (rc)
		return rc;
	do {
		rc = meta_gone_next(tree->meta, 0, &ino, path);
		if (rc)
			break;
		rc = meta_dentry_next_name(tree->meta, ino, "", &de);
		if (rc == -ENOENT)
			rc = end_directory(tree, ino, path);
		else if (!rc)
			rc = take_name(tree, &de, path);
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
