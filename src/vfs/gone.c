/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory out of the tree has no path, so no key of it can become dirty;
 * who has something in it open goes on with it as with what is unlinked. Its
 * record in META_GONE holds the path it had.
 */
#include "gone.h"

#include <errno.h>
#include <time.h>

#include "taken.h"
#include "vers3/util/clock.h"
#include "vers3/vfs/dir.h"
#include "vers3/vfs/link.h"
#include "vers3/vfs/mount.h"
#include "vers3/vfs/tree.h"

#define PAUSE_NS (NS_PER_MS / 20)

int gone_detach(struct vfs *v, const struct meta_dentry *de,
		struct meta_inode *in, const char *path)
{
	int rc = meta_dentry_del(v->meta, de->parent, de->name);

	if (rc)
		return rc;
	/* The kernel drops what it knows below it, too. */
	mount_inval_entry(v, de->parent, de->name);
	in->nlink = 0;
	rc = meta_inode_put(v->meta, in);
	return rc ? rc : meta_gone_add(v->meta, in->ino, path);
}

/* The directory is empty. */
static int end_directory(struct vfs *v, uint64_t ino, const char *path)
{
	struct meta_inode in;
	int rc = meta_gone_del(v->meta, ino);

	if (!rc)
		rc = meta_inode_get(v->meta, ino, &in);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	return taken_drop(v, &in, path);
}

/* Takes one name out of a directory that was at path `dir`. */
static int take_name(struct vfs *v, const struct meta_dentry *de,
		     const char *dir)
{
	char path[META_KEY_MAX + 1];
	struct meta_inode in;
	uint64_t other;
	int rc = mount_child_path(dir, de->name, path);

	if (!rc)
		rc = meta_inode_get(v->meta, de->ino, &in);
	if (rc)
		return rc == -ENOENT
			       ? meta_dentry_del(v->meta, de->parent, de->name)
			       : rc;
	if (S_ISDIR(in.mode))
		return gone_detach(v, de, &in, path);
	/*
	 * Clean when the directory went, so that the bucket has had every byte
	 * of it; what was written since: taken.c.
	 */
	rc = meta_dentry_del(v->meta, de->parent, de->name);
	in.nlink--;
	/* What has come there meanwhile may be this mount's. */
	if (!rc && meta_resolve(v->meta, path, &other) == -ENOENT)
		rc = taken_drop(v, &in, path);
	else if (!rc)
		rc = dir_drop_inode(v, &in);
	return rc ? rc : link_lost(v, &in, path);
}

/* One hold. -ENOENT: nothing is left. */
static int sweep_some(struct vfs *v)
{
	int64_t until = clock_mono_ns() + GONE_HOLD_NS;
	char path[META_KEY_MAX + 1];
	struct meta_dentry de;
	uint64_t ino;
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	do {
		rc = meta_gone_next(v->meta, 0, &ino, path);
		if (rc)
			break;
		rc = meta_dentry_next_name(v->meta, ino, "", &de);
		if (rc == -ENOENT)
			rc = end_directory(v, ino, path);
		else if (!rc)
			rc = take_name(v, &de, path);
	} while (!rc && clock_mono_ns() < until);
	meta_unlock(v->meta);
	return rc;
}

int gone_sweep(struct vfs *v)
{
	int rc;

	while (!(rc = sweep_some(v)))
		gone_pause();
	return rc == -ENOENT ? 0 : rc;
}

void gone_pause(void)
{
	struct timespec pause = clock_timespec(PAUSE_NS);

	nanosleep(&pause, NULL);
}
