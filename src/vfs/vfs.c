/* SPDX-License-Identifier: Apache-2.0 */
/* The context's life, and which tree an inode number belongs to. */
#include "vers3/vfs/vfs.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "vers3/control/capacity.h"
#include "vers3/control/control.h"
#include "vers3/control/control_state.h"
#include "vers3/control/expire_rule.h"
#include "vers3/core/bucket_config.h"
#include "vers3/core/mount.h"
#include "vers3/core/node.h"
#include "vers3/history/view.h"
#include "vers3/meta/dentry.h"
#include "vers3/object/s3set.h"
#include "vers3/object/s3xattr.h"
#include "vers3/read/reader.h"
#include "vers3/sync/syncer.h"
#include "vers3/tree/content.h"
#include "vers3/tree/dir.h"
#include "vers3/tree/reservation.h"
#include "vers3/tree/tree.h"
#include "vers3/util/clock.h"
#include "vers3/util/control_ioctl.h"
#include "vfs_impl.h"

#define RENAME_TRIES   4
#define CONTROL_TTL_NS NS_PER_S

void vfs_give_up_reads(struct vfs *v)
{
	reader_give_up(v->reader);
	control_give_up_reads(v->control);
}

static void control_stat(struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = MOUNT_CONTROL_INO;
	st->st_mode = S_IFREG | 0600;
	st->st_nlink = 1;
	st->st_uid = geteuid();
	st->st_gid = getegid();
	st->st_blksize = 4096;
	st->st_mtim = st->st_ctim = st->st_atim =
		clock_timespec(clock_real_ns());
}

static void fill_entry(struct vfs *v, const struct meta_inode *inode,
		       struct vfs_entry *ret)
{
	ret->ino = inode->ino;
	content_stat(v->tree, inode, &ret->st);
	ret->ttl_ns = v->mount->config.ttl_ns;
}

/* Whether a change of this parent's names is none of the live tree's. */
static int check_writable(struct vfs *v, uint64_t ino)
{
	if (mount_is_view(ino) || v->mount->config.read_only)
		return -EROFS;
	return ino == MOUNT_CONTROL_INO ? -EPERM : 0;
}

/* Before a change of what the user sees: the disk must have room to note it. */
static int check_change(struct vfs *v, uint64_t ino)
{
	int rc = check_writable(v, ino);

	return rc ? rc : reservation_for_change(v->tree);
}

/* After it: what returns 0 is not undone by a kill of the daemon. */
static int kept(struct vfs *v, int rc)
{
	return rc ? rc : meta_keep(v->mount->meta);
}

/* .versions of a live directory. */
static int lookup_versions(struct vfs *v, uint64_t dir, struct vfs_entry *ret)
{
	char path[META_KEY_MAX + 1];
	int rc;

	if (dir == META_ROOT_INO) {
		ret->ino = MOUNT_VERSIONS_INO;
		ret->ttl_ns = v->mount->config.ttl_ns;
		return view_getattr(v->view, MOUNT_VERSIONS_INO, &ret->st);
	}
	rc = meta_lock(v->mount->meta);
	if (rc)
		return rc;
	rc = meta_path(v->mount->meta, dir, NULL, path);
	meta_unlock(v->mount->meta);
	return rc ? rc : view_of_dir(v->view, path, ret);
}

/*
 * What is no part of the live tree takes no change of its name. An object of
 * such a name below the root is seen in its place.
 */
static int check_name(struct vfs *v, uint64_t parent, const char *name)
{
	bool versions = mount_is_versions_name(v->mount, name);
	struct meta_inode inode;
	int rc;

	if (parent == META_ROOT_INO)
		return mount_is_own_name(v->mount, name) ||
				       mount_is_control_name(v->mount, name)
			       ? -EPERM
			       : 0;
	if (!versions || v->mount->config.versions == MOUNT_VERSIONS_OFF)
		return 0;
	rc = dir_lookup(v->tree, parent, name, &inode);
	return rc == -ENOENT ? -EPERM : rc;
}

int vfs_lookup(struct vfs *v, uint64_t parent, const char *name,
	       struct vfs_entry *ret)
{
	bool versions = mount_is_versions_name(v->mount, name) &&
			v->mount->config.versions != MOUNT_VERSIONS_OFF;

	struct meta_inode inode;
	int rc;

	if (mount_is_view(parent))
		return view_lookup(v->view, parent, name, ret);
	if (parent == META_ROOT_INO && (mount_is_control_name(v->mount, name) ||
					!strcmp(name, CONTROL_ANY_NAME))) {
		ret->ino = MOUNT_CONTROL_INO;
		ret->ttl_ns = CONTROL_TTL_NS;
		control_stat(&ret->st);
		return 0;
	}
	if (parent == META_ROOT_INO && versions)
		return lookup_versions(v, parent, ret);
	if (parent == META_ROOT_INO && mount_is_own_name(v->mount, name))
		return -ENOENT;
	if (view_shown(v->view, parent) != parent)
		return view_lookup(v->view, view_shown(v->view, parent), name,
				   ret);
	if (strlen(name) > META_NAME_MAX)
		return -ENAMETOOLONG;
	rc = dir_lookup(v->tree, parent, name, &inode);
	if (rc == -ENOENT && versions)
		return lookup_versions(v, parent, ret);
	if (rc)
		return rc;
	fill_entry(v, &inode, ret);
	ret->ttl_ns = dir_ttl_ns(v->tree, parent, &inode);
	return 0;
}

int vfs_getattr(struct vfs *v, uint64_t ino, struct stat *ret_st)
{
	struct meta_inode inode;
	int rc;

	if (mount_is_view(view_shown(v->view, ino)))
		return view_getattr(v->view, view_shown(v->view, ino), ret_st);
	if (ino == MOUNT_CONTROL_INO) {
		control_stat(ret_st);
		return 0;
	}
	rc = dir_inode(v->tree, ino, &inode);
	if (rc)
		return rc;
	content_stat(v->tree, &inode, ret_st);
	return 0;
}

int vfs_privileges(struct vfs *v, uint64_t ino, mode_t *ret_mode,
		   bool *ret_capable)
{
	struct meta_inode inode = {.flags = 0};
	struct stat st;
	int rc;

	if (ino == MOUNT_CONTROL_INO || mount_is_view(view_shown(v->view, ino)))
		rc = vfs_getattr(v, ino, &st);
	else
		rc = dir_inode(v->tree, ino, &inode);
	if (rc)
		return rc;
	*ret_mode = inode.ino ? inode.mode : st.st_mode;
	*ret_capable = inode.flags & META_I_CAPABLE;
	return 0;
}

int vfs_known_attr(struct vfs *v, uint64_t ino, struct stat *ret_st)
{
	struct meta_inode inode;
	int rc = meta_lock(v->mount->meta);

	if (rc)
		return rc;
	rc = meta_inode_get(v->mount->meta, ino, &inode);
	meta_unlock(v->mount->meta);
	if (!rc)
		content_stat(v->tree, &inode, ret_st);
	return rc;
}

int64_t vfs_attr_ttl_ns(struct vfs *v, uint64_t ino, const struct stat *st,
			int64_t ttl_ns)
{
	return S_ISDIR(st->st_mode) &&
			       view_follows(v->view, view_shown(v->view, ino))
		       ? 0
		       : ttl_ns;
}

static int truncate_file(struct vfs *v, uint64_t ino, uint64_t size_bytes)
{
	struct meta_inode inode;
	struct node *node;
	int rc = dir_inode(v->tree, ino, &inode);

	if (rc)
		return rc;
	if (!S_ISREG(inode.mode))
		return S_ISDIR(inode.mode) ? -EISDIR : -EINVAL;
	rc = node_get(v->mount->nodes, ino, &node);
	if (rc)
		return rc;
	rc = content_truncate(v->tree, node, size_bytes);
	node_put(v->mount->nodes, node);
	return rc;
}

int vfs_setattr(struct vfs *v, uint64_t ino, const struct stat *st,
		unsigned set, struct stat *ret_st)
{
	struct meta_inode inode;
	int rc;

	if (ino == MOUNT_CONTROL_INO) {
		/* `>` truncates before it writes a command. */
		if (set & ~(unsigned)(VFS_SET_SIZE | VFS_SET_MTIME |
				      VFS_SET_MTIME_NOW))
			return -EPERM;
		control_stat(ret_st);
		return 0;
	}
	rc = check_change(v, ino);
	if (!rc && (set & VFS_SET_SIZE)) {
		rc = truncate_file(v, ino, (uint64_t)st->st_size);
		/* It has set the time. */
		set &= ~(unsigned)(VFS_SET_SIZE | VFS_SET_MTIME_NOW);
	}
	if (!rc)
		rc = tree_setattr(v->tree, ino, st, set, &inode);
	if (!rc && S_ISREG(inode.mode))
		syncer_written(v->syncer, ino);
	rc = kept(v, rc);
	if (!rc)
		content_stat(v->tree, &inode, ret_st);
	return rc;
}

int vfs_readlink(struct vfs *v, uint64_t ino, struct buf *target)
{
	if (mount_is_view(ino))
		return view_readlink(v->view, ino, target);
	return tree_readlink(v->tree, ino, target);
}

static int make(struct vfs *v, uint64_t parent, const char *name, uint32_t mode,
		uint64_t rdev, const char *target, const struct vfs_caller *who,
		struct vfs_entry *ret)
{
	struct meta_inode inode;
	int rc = check_change(v, parent);

	if (!rc)
		rc = tree_make(v->tree, parent, name, mode, rdev, target, who,
			       &inode);
	if (rc)
		return rc;
	rc = kept(v, 0);
	if (!rc)
		fill_entry(v, &inode, ret);
	return rc;
}

int vfs_mknod(struct vfs *v, uint64_t parent, const char *name, uint32_t mode,
	      uint64_t rdev, const struct vfs_caller *who,
	      struct vfs_entry *ret)
{
	return make(v, parent, name, mode, rdev, NULL, who, ret);
}

int vfs_mkdir(struct vfs *v, uint64_t parent, const char *name, uint32_t mode,
	      const struct vfs_caller *who, struct vfs_entry *ret)
{
	if (mount_is_view(parent) && !v->mount->config.read_only)
		return view_mkdir(v->view, parent, name, ret);
	return make(v, parent, name, S_IFDIR | (mode & 07777), 0, NULL, who,
		    ret);
}

int vfs_symlink(struct vfs *v, uint64_t parent, const char *name,
		const char *target, const struct vfs_caller *who,
		struct vfs_entry *ret)
{
	return make(v, parent, name, S_IFLNK | 0777, 0, target, who, ret);
}

int vfs_link(struct vfs *v, uint64_t ino, uint64_t parent, const char *name,
	     struct vfs_entry *ret)
{
	struct meta_inode inode;
	int rc = check_change(v, parent);

	if (!rc)
		rc = check_writable(v, ino);
	if (!rc)
		rc = tree_link(v->tree, ino, parent, name, &inode);
	if (rc)
		return rc;
	rc = kept(v, 0);
	if (!rc)
		fill_entry(v, &inode, ret);
	return rc;
}

int vfs_unlink(struct vfs *v, uint64_t parent, const char *name)
{
	int rc = check_writable(v, parent);

	if (mount_is_view(parent))
		return v->mount->config.read_only
			       ? rc
			       : view_unlink(v->view, parent, name);
	if (!rc)
		rc = check_name(v, parent, name);
	return kept(v, rc ? rc : tree_unlink(v->tree, parent, name));
}

int vfs_rmdir(struct vfs *v, uint64_t parent, const char *name)
{
	int rc = check_writable(v, parent);

	if (mount_is_view(parent))
		return v->mount->config.read_only
			       ? rc
			       : view_rmdir(v->view, parent, name);
	if (!rc)
		rc = check_name(v, parent, name);
	return kept(v, rc ? rc : tree_rmdir(v->tree, parent, name));
}

/* Where the bucket must have what was before, it gets it; then it can be. */
static int rename_synced(struct vfs *v, uint64_t parent, const char *name,
			 uint64_t new_parent, const char *new_name,
			 unsigned flags)
{
	uint64_t left;

	for (int tries = 0;; tries++) {
		int rc = tree_rename(v->tree, parent, name, new_parent,
				     new_name, flags);

		if (rc != -EAGAIN)
			return rc;
		rc = tries < RENAME_TRIES
			     ? syncer_sync_all(v->syncer, "", &left)
			     : -EBUSY;
		if (rc)
			return rc;
	}
}

int vfs_rename(struct vfs *v, uint64_t parent, const char *name,
	       uint64_t new_parent, const char *new_name, unsigned flags)
{
	int rc = check_change(v, parent);

	if (!rc)
		rc = check_writable(v, new_parent);
	if (!rc)
		rc = check_name(v, parent, name);
	if (!rc)
		rc = check_name(v, new_parent, new_name);
	if (!rc)
		rc = rename_synced(v, parent, name, new_parent, new_name,
				   flags);
	if (!rc)
		syncer_renamed(v->syncer, new_parent, new_name);
	return kept(v, rc);
}

int vfs_fsyncdir(struct vfs *v, uint64_t ino)
{
	char path[META_KEY_MAX + 1];
	uint64_t left;
	int rc;

	if (mount_is_view(ino))
		return 0;
	if (v->mount->config.fsync_local)
		return meta_sync(v->mount->meta);
	rc = meta_lock(v->mount->meta);
	if (rc)
		return rc;
	rc = meta_path(v->mount->meta, ino, NULL, path);
	meta_unlock(v->mount->meta);
	if (!rc)
		rc = syncer_sync_all(v->syncer, path, &left);
	else if (rc == -ESTALE)
		rc = 0; /* it was removed: nothing has a key in it */
	return rc ? rc : meta_sync(v->mount->meta);
}

int vfs_statfs(struct vfs *v, struct statvfs *st)
{
	capacity_read(v->control, st);
	return 0;
}

int vfs_getxattr(struct vfs *v, uint64_t ino, const char *name,
		 struct buf *value)
{
	if (ino == META_ROOT_INO && !strcmp(name, CONTROL_VERSIONS_XATTR))
		return v->mount->config.versions == MOUNT_VERSIONS_OFF
			       ? -ENODATA
			       : buf_puts(value,
					  v->mount->config.versions_name);
	if (ino == META_ROOT_INO && !strcmp(name, CONTROL_READ_ONLY_XATTR))
		return v->mount->config.read_only ? buf_puts(value, "1")
						  : -ENODATA;
	ino = view_shown(v->view, ino);
	if (mount_is_view(ino))
		return view_getxattr(v->view, ino, name, value);
	return ino == MOUNT_CONTROL_INO
		       ? -ENODATA
		       : tree_getxattr(v->tree, ino, name, value);
}

/*
 * What is set on a version is set on the one that the file becomes: what it
 * holds now is sent first.
 */
static int send_first(struct vfs *v, uint64_t ino, const char *name)
{
	return s3set_owns(name) || s3xattr_is(name, "storage_class")
		       ? syncer_sync_inode(v->syncer, ino)
		       : 0;
}

/* value NULL: no more. */
static int set_expire(struct vfs *v, uint64_t ino, const void *value,
		      size_t size)
{
	char reason[CONTROL_REASON_MAX];

	if (!value) {
		value = "never";
		size = strlen(value);
	}
	return expire_rule_set(v->control, ino, value, size, reason,
			       sizeof(reason));
}

int vfs_setxattr(struct vfs *v, uint64_t ino, const char *name,
		 const void *value, size_t size, int flags)
{
	int rc;

	if (mount_is_view(ino) && !v->mount->config.read_only)
		return view_setxattr(v->view, ino, name, value, size);
	rc = check_change(v, ino);

	if (ino == MOUNT_CONTROL_INO)
		return -EOPNOTSUPP; /* upon which cp -p sets a mode */
	if (!rc && s3xattr_is(name, "expire"))
		return kept(v, set_expire(v, ino, value, size));
	if (!rc)
		rc = send_first(v, ino, name);
	if (!rc)
		rc = tree_setxattr(v->tree, ino, name, value, size, flags);
	return kept(v, rc);
}

int vfs_listxattr(struct vfs *v, uint64_t ino, struct buf *names)
{
	ino = view_shown(v->view, ino);
	if (mount_is_view(ino))
		return view_listxattr(v->view, ino, names);
	return ino == MOUNT_CONTROL_INO ? 0
					: tree_listxattr(v->tree, ino, names);
}

int vfs_removexattr(struct vfs *v, uint64_t ino, const char *name)
{
	int rc;

	/* No tags at all, as of a file. */
	if (mount_is_view(ino) && !v->mount->config.read_only &&
	    s3xattr_is(name, "tags"))
		return view_setxattr(v->view, ino, name, "", 0);
	rc = check_writable(v, ino);
	if (!rc && s3xattr_is(name, "expire") && ino != MOUNT_CONTROL_INO)
		return kept(v, set_expire(v, ino, NULL, 0));
	if (!rc)
		rc = send_first(v, ino, name);
	return kept(v, rc ? rc : tree_removexattr(v->tree, ino, name));
}
