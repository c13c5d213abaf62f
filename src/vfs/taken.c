/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The place is kept with the inode, as an attribute that is no user's. Which
 * directories the kernel knows is not known here: some are kept until it
 * forgets them, or until the next mount.
 */
#include "taken.h"

#include <errno.h>
#include <string.h>

#include "vers3/meta/dirty.h"
#include "vers3/util/clock.h"
#include "vers3/vfs/conflict.h"
#include "vers3/vfs/dir.h"
#include "vers3/vfs/node.h"
#include "vers3/vfs/syncer.h"
#include "vers3/vfs/tree.h"

#define TAKEN_XATTR "vers3.taken" /* the path it had */
#define KEPT_MAX    10000 /* nameless inodes: no more are kept for this */

int taken_drop(struct vfs *v, struct meta_inode *in, const char *path)
{
	bool keep =
		S_ISDIR(in->mode)
			? v->notify.forgets &&
				  meta_count(v->meta, META_ORPHAN) < KEPT_MAX
			: !in->nlink && nodes_is_written(v->nodes, in->ino);
	int rc = 0;

	if (keep)
		rc = meta_xattr_set(v->meta, in->ino, TAKEN_XATTR, path,
				    strlen(path) + 1);
	if (rc)
		return rc;
	return keep && S_ISDIR(in->mode) ? dir_unname_inode(v, in)
					 : dir_drop_inode(v, in);
}

static int read_place(struct vfs *v, uint64_t ino, char *path)
{
	struct meta_val val;
	int rc = meta_xattr_get(v->meta, ino, TAKEN_XATTR, &val);

	if (rc)
		return rc == -ENODATA ? -ENOENT : rc;
	if (!val.size || val.size > META_KEY_MAX + 1)
		return -EIO;
	memcpy(path, val.data, val.size);
	path[val.size - 1] = '\0';
	return 0;
}

static bool is_dirty(struct vfs *v, const char *key)
{
	struct meta_dirty d;

	return !meta_dirty_get(v->meta, key, &d);
}

/* One more directory in `parent`, which is there by what will be in it. */
static int add_dir(struct vfs *v, uint64_t parent, const char *name,
		   uint64_t *ret_ino)
{
	struct meta_inode in = {.nlink = 2, .flags = META_I_LACKS}, dir;
	int rc = meta_next_id(v->meta, &in.ino);

	in.mode = S_IFDIR;
	meta_fill_in(v->meta, in.flags, &in.mode, &in.uid, &in.gid);
	in.mtime_ns = in.ctime_ns = in.atime_ns = clock_real_ns();
	if (!rc)
		rc = meta_inode_get(v->meta, parent, &dir);
	if (!rc)
		rc = meta_inode_put(v->meta, &in);
	if (!rc)
		rc = meta_dentry_add(v->meta, parent, name, in.ino);
	if (rc)
		return rc;
	vfs_inval_entry(v, parent, name);
	tree_count_dirs(&dir, 1);
	*ret_ino = in.ino;
	return meta_inode_put(v->meta, &dir);
}

/*
 * One directory on the way: path is its own, with room for a slash. What this
 * mount has removed itself is not made again.
 */
static int enter(struct vfs *v, char *path, const char *name, uint64_t *ino)
{
	size_t len = strlen(path);
	struct meta_dentry de;
	struct meta_inode in;
	bool removed;
	int rc = meta_dentry_get(v->meta, *ino, name, &de);

	if (!rc)
		rc = meta_inode_get(v->meta, de.ino, &in);
	if (!rc && !S_ISDIR(in.mode))
		return -ESTALE;
	if (!rc)
		*ino = de.ino;
	if (rc != -ENOENT)
		return rc;
	strcpy(path + len, "/");
	removed = is_dirty(v, path);
	path[len] = '\0';
	return removed || is_dirty(v, path) ? -ESTALE
					    : add_dir(v, *ino, name, ino);
}

/*
 * The directory that a path is in, made with all that lead to it where they
 * are gone; *ret_name: the rest of the path.
 */
static int make_way(struct vfs *v, const char *path, uint64_t *ret_ino,
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
		rc = enter(v, dir, dir + skip, &ino);
		*ret_name = slash + 1;
	}
	*ret_ino = ino;
	return rc;
}

/*
 * Makes room for a file where others have another one. Both were changed, and
 * ours comes on top of theirs, as when they are faster. It has no change of
 * ours, so that the bucket has every byte of it, in its history if need be.
 */
static int displace(struct vfs *v, const struct meta_dentry *de)
{
	struct meta_inode in;
	int rc = meta_inode_get(v->meta, de->ino, &in);

	if (rc)
		return rc;
	if (S_ISDIR(in.mode) || in.nlink > 1 ||
	    nodes_is_written(v->nodes, in.ino))
		return -ESTALE;
	rc = meta_dentry_del(v->meta, de->parent, de->name);
	in.nlink = 0;
	return rc ? rc : dir_unname_inode(v, &in);
}

static int put_name(struct vfs *v, struct meta_inode *in, uint64_t parent,
		    const char *name)
{
	int rc = meta_dentry_add(v->meta, parent, name, in->ino);

	if (!rc)
		rc = meta_xattr_del(v->meta, in->ino, TAKEN_XATTR);
	if (!rc)
		rc = meta_orphan_del(v->meta, in->ino);
	if (rc && rc != -ENOENT)
		return rc;
	vfs_inval_entry(v, parent, name);
	in->nlink = S_ISDIR(in->mode) ? 2 : 1;
	return meta_inode_put(v->meta, in);
}

static int file_back(struct vfs *v, struct meta_inode *in, const char *path)
{
	struct meta_dentry de;
	const char *name;
	uint64_t parent;
	int rc;

	if (is_dirty(v, path))
		return -ESTALE;
	rc = make_way(v, path, &parent, &name);
	if (rc)
		return rc;
	rc = meta_dentry_get(v->meta, parent, name, &de);
	if (!rc)
		rc = displace(v, &de);
	if (!rc || rc == -ENOENT)
		rc = put_name(v, in, parent, name);
	/* So that what they did is looked at, and listed. */
	if (!rc)
		conflict_suspect(v, path);
	return rc ? rc : tree_touch_dir(v, parent, false);
}

/* With an object of its own, which says what it was. */
static int directory_back(struct vfs *v, struct meta_inode *in, char *path)
{
	struct meta_inode dir;
	struct meta_dentry de;
	const char *name;
	uint64_t parent;
	int rc = make_way(v, path, &parent, &name);

	if (!rc && !meta_dentry_get(v->meta, parent, name, &de))
		rc = -ESTALE;
	if (rc)
		return rc;
	in->flags |= META_I_EXPLICIT;
	memset(&in->base, 0, sizeof(in->base));
	in->listed_ns = 0;
	rc = put_name(v, in, parent, name);
	if (!rc)
		rc = meta_inode_get(v->meta, parent, &dir);
	if (rc)
		return rc;
	tree_count_dirs(&dir, 1);
	rc = meta_inode_put(v->meta, &dir);
	strcat(path, "/");
	return rc ? rc : syncer_mark(v, path, NULL, v->config.commit_ns);
}

int taken_back(struct vfs *v, struct meta_inode *in)
{
	char path[META_KEY_MAX + 2];
	int rc = read_place(v, in->ino, path);

	if (rc)
		return rc;
	if (!S_ISDIR(in->mode))
		return file_back(v, in, path);
	strcat(path, "/");
	rc = is_dirty(v, path) ? -ESTALE : 0;
	path[strlen(path) - 1] = '\0';
	return rc ? rc : directory_back(v, in, path);
}

int taken_revive(struct vfs *v, uint64_t ino)
{
	struct meta_inode in;
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	rc = meta_inode_get(v->meta, ino, &in);
	if (!rc && S_ISDIR(in.mode) && !in.nlink)
		rc = taken_back(v, &in);
	meta_unlock(v->meta);
	return rc == -ENOENT ? 0 : rc;
}
