/* SPDX-License-Identifier: Apache-2.0 */
/* The context's life, and which tree an inode number belongs to. */
#include "vers3/vfs/vfs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "between.h"
#include "bucket_config.h"
#include "capacity.h"
#include "export.h"
#include "gone.h"
#include "overflow.h"
#include "points.h"
#include "purge.h"
#include "reread.h"
#include "room.h"
#include "states.h"
#include "taken.h"
#include "vers3/store/metrics.h"
#include "vers3/util/clock.h"
#include "vers3/util/control_ioctl.h"
#include "vers3/util/log.h"
#include "vers3/util/pool.h"
#include "vers3/vfs/conflict.h"
#include "vers3/vfs/content.h"
#include "vers3/vfs/control.h"
#include "vers3/vfs/dir.h"
#include "vers3/vfs/file.h"
#include "vers3/vfs/journal.h"
#include "vers3/vfs/link.h"
#include "vers3/vfs/mount.h"
#include "vers3/vfs/node.h"
#include "vers3/vfs/pins.h"
#include "vers3/vfs/reader.h"
#include "vers3/vfs/syncer.h"
#include "vers3/vfs/tree.h"
#include "vers3/vfs/view.h"

#define SYS_NAMES      "vfs.names" /* META_SYS: of the last mount */
#define RENAME_TRIES   4
#define CONTROL_TTL_NS NS_PER_S

static int make_root(struct vfs *v)
{
	const struct meta_defaults *def = &v->config.defaults;
	struct meta_inode in;
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	rc = meta_inode_get(v->meta, META_ROOT_INO, &in);
	if (rc == -ENOENT) {
		memset(&in, 0, sizeof(in));
		in.ino = META_ROOT_INO;
		in.mode = S_IFDIR | def->dir_mode;
		in.uid = def->uid;
		in.gid = def->gid;
		in.nlink = 2;
		in.flags = META_I_ATTRS | META_I_LACKS;
		in.mtime_ns = in.ctime_ns = in.atime_ns = clock_real_ns();
		rc = meta_inode_put(v->meta, &in);
	}
	meta_unlock(v->meta);
	return rc;
}

/*
 * What was listed by a mount that called history and control file otherwise
 * lacks those names, and has what are ours now: it is listed anew.
 */
static int note_names(struct vfs *v)
{
	char text[2 * META_NAME_MAX + 2];
	size_t len = (size_t)snprintf(text, sizeof(text), "%s/%s",
				      v->config.versions_name,
				      v->config.control_name);
	struct meta_inode root;
	struct meta_val val;
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	rc = meta_get(v->meta, META_SYS, SYS_NAMES, strlen(SYS_NAMES), &val);
	if (!rc && val.size == len && !memcmp(val.data, text, len))
		goto out;
	if (!rc || rc == -ENOENT)
		rc = meta_inode_get(v->meta, META_ROOT_INO, &root);
	if (rc)
		goto out;
	root.flags &= ~(uint32_t)META_I_LISTED;
	root.listed_ns = 0;
	rc = meta_inode_put(v->meta, &root);
	if (!rc)
		rc = meta_put(v->meta, META_SYS, SYS_NAMES, strlen(SYS_NAMES),
			      text, len);
out:
	meta_unlock(v->meta);
	return rc;
}

/* Inodes that were open without a name when the last mount ended. */
static int drop_orphans(struct vfs *v)
{
	struct meta_inode in;
	uint64_t ino = 0;
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	while (!rc && !meta_orphan_next(v->meta, ino, &ino)) {
		rc = meta_orphan_del(v->meta, ino);
		/* No name and no process has it: its bytes are unwanted. */
		if (!rc && !meta_inode_get(v->meta, ino, &in) && in.nlink == 0)
			rc = meta_inode_del(v->meta, ino);
	}
	meta_unlock(v->meta);
	return rc;
}

static int sweep_one(void *ctx, uint64_t ino)
{
	struct vfs *v = ctx;

	/* The syncer removes it only if the namespace does not need it. */
	journal_reap(v->journal, ino);
	return 0;
}

static int precommit(void *ctx)
{
	struct vfs *v = ctx;

	return staging_sync_all(v->staging);
}

static void set_names(struct vfs_config *c)
{
	if (!c->versions_name)
		c->versions_name = VFS_VERSIONS_NAME;
	if (!c->control_name)
		c->control_name = VFS_CONTROL_NAME;
	if (!*c->versions_name)
		c->versions = VFS_VERSIONS_OFF;
}

int vfs_new(const struct vfs_config *config, const struct vfs_parts *parts,
	    struct vfs **ret_vfs)
{
	struct vfs *v = calloc(1, sizeof(*v));
	int rc;

	if (!v)
		return -ENOMEM;
	v->config = *config;
	set_names(&v->config);
	v->meta = parts->meta;
	meta_set_defaults(v->meta, &v->config.defaults);
	v->blocks = parts->blocks;
	v->staging = parts->staging;
	v->space = parts->space;
	v->store = parts->store;
	v->metrics = parts->metrics;
	v->s3 = parts->s3;
	v->began_ns = clock_real_ns();
	rc = pins_new(&v->pins);
	if (!rc)
		rc = journal_new(v->meta, v->pins, &v->journal);
	if (!rc)
		rc = bucket_config_new(v->store, v->config.ttl_ns, &v->bucket);
	if (!rc)
		rc = states_new(v, &v->states);
	if (!rc)
		rc = overflows_new(&v->overflows);
	if (!rc)
		rc = points_new(&v->points);
	if (!rc)
		rc = purge_new(&v->purge);
	if (!rc && config->at)
		rc = points_instant(v, config->at, &v->at_ns);
	if (!rc)
		rc = nodes_new(&v->nodes);
	if (!rc)
		rc = dirs_new(v, &v->dirs);
	if (!rc)
		rc = reader_new(v->store, v->blocks, v->config.prefix,
				&v->reader);
	if (!rc)
		rc = rereads_new(&v->rereads);
	if (!rc)
		rc = export_generation(v->meta, &v->generation);
	if (!rc)
		rc = make_root(v);
	if (!rc)
		rc = note_names(v);
	if (!rc)
		rc = drop_orphans(v);
	if (!rc) {
		meta_set_precommit(v->meta, precommit, v);
		rc = syncer_new(v, &v->syncer);
	}
	if (!rc)
		rc = gone_sweep(v);
	if (!rc)
		rc = staging_each(v->staging, sweep_one, v);
	if (!rc)
		rc = view_new(v, &v->view);
	if (!rc)
		rc = control_new(v, &v->control);
	if (!rc)
		rc = states_begin(v->states);
	if (rc) {
		vfs_free(v);
		return rc;
	}
	*ret_vfs = v;
	return 0;
}

int vfs_drain(struct vfs *v)
{
	uint64_t left = 0;
	int rc, failed;

	if (v->config.read_only)
		return 0;
	rc = syncer_sync_all(v, "", &left);
	if (!rc)
		between_look(v);
	/* A namespace that has failed cannot tell what is left. */
	failed = meta_sync(v->meta);
	if (failed)
		return failed;
	/* Given up: how much is left was not looked at to the end. */
	if (rc == -EINTR)
		return -ETIMEDOUT;
	if (!left)
		return rc;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

void vfs_free(struct vfs *v)
{
	if (!v)
		return;
	states_end(v->states);
	dirs_end(v->dirs);
	control_free(v->control);
	view_free(v->view);
	/* All reads have been answered: what is queued has ended, too. */
	pool_free(v->rereads);
	syncer_free(v->syncer);
	reader_free(v->reader);
	/* The last commit, with the data that it speaks of. */
	meta_sync(v->meta);
	meta_set_precommit(v->meta, NULL, NULL);
	dirs_free(v->dirs);
	nodes_free(v->nodes);
	points_free(v->points);
	purge_free(v->purge);
	journal_free(v->journal);
	pins_free(v->pins);
	bucket_config_free(v->bucket);
	states_free(v->states);
	overflows_free(v->overflows);
	free(v);
}

void vfs_give_up_reads(struct vfs *v)
{
	reader_give_up(v->reader);
}

static void control_stat(struct vfs *v, struct stat *st)
{
	(void)v;
	memset(st, 0, sizeof(*st));
	st->st_ino = VFS_CONTROL_INO;
	st->st_mode = S_IFREG | 0600;
	st->st_nlink = 1;
	st->st_uid = geteuid();
	st->st_gid = getegid();
	st->st_blksize = 4096;
	st->st_mtim = st->st_ctim = st->st_atim =
		clock_timespec(clock_real_ns());
}

static int fill_entry(struct vfs *v, const struct meta_inode *in,
		      struct vfs_entry *ret)
{
	ret->ino = in->ino;
	content_stat(v, in, &ret->st);
	ret->ttl_ns = v->config.ttl_ns;
	return 0;
}

/* Whether a change of this parent's names is none of the live tree's. */
static int check_writable(struct vfs *v, uint64_t ino)
{
	if (view_owns(ino) || v->config.read_only)
		return -EROFS;
	return ino == VFS_CONTROL_INO ? -EPERM : 0;
}

/* Before a change of what the user sees: the disk must have room to note it. */
static int check_change(struct vfs *v, uint64_t ino)
{
	int rc = check_writable(v, ino);

	return rc ? rc : room_for_change(v);
}

/* After it: what returns 0 is not undone by a kill of the daemon. */
static int kept(struct vfs *v, int rc)
{
	return rc ? rc : meta_keep(v->meta);
}

/* .versions of a live directory. */
static int lookup_versions(struct vfs *v, uint64_t dir, struct vfs_entry *ret)
{
	char path[META_KEY_MAX + 1];
	int rc;

	if (dir == META_ROOT_INO) {
		ret->ino = VFS_VERSIONS_INO;
		ret->ttl_ns = v->config.ttl_ns;
		return view_getattr(v, VFS_VERSIONS_INO, &ret->st);
	}
	rc = meta_lock(v->meta);
	if (rc)
		return rc;
	rc = meta_path(v->meta, dir, NULL, path);
	meta_unlock(v->meta);
	return rc ? rc : view_of_dir(v, path, ret);
}

/*
 * What is no part of the live tree takes no change of its name. An object of
 * such a name below the root is seen in its place.
 */
static int check_name(struct vfs *v, uint64_t parent, const char *name)
{
	bool versions = mount_is_versions_name(v, name);
	struct meta_inode in;
	int rc;

	if (parent == META_ROOT_INO)
		return mount_is_own_name(v, name) ||
				       mount_is_control_name(v, name)
			       ? -EPERM
			       : 0;
	if (!versions || v->config.versions == VFS_VERSIONS_OFF)
		return 0;
	rc = dir_lookup(v, parent, name, &in);
	return rc == -ENOENT ? -EPERM : rc;
}

int vfs_lookup(struct vfs *v, uint64_t parent, const char *name,
	       struct vfs_entry *ret)
{
	bool versions = mount_is_versions_name(v, name) &&
			v->config.versions != VFS_VERSIONS_OFF;

	struct meta_inode in;
	int rc;

	if (view_owns(parent))
		return view_lookup(v, parent, name, ret);
	if (parent == META_ROOT_INO && (mount_is_control_name(v, name) ||
					!strcmp(name, CONTROL_ANY_NAME))) {
		ret->ino = VFS_CONTROL_INO;
		ret->ttl_ns = CONTROL_TTL_NS;
		control_stat(v, &ret->st);
		return 0;
	}
	if (parent == META_ROOT_INO && versions)
		return lookup_versions(v, parent, ret);
	if (parent == META_ROOT_INO && mount_is_own_name(v, name))
		return -ENOENT;
	if (view_shown(v, parent) != parent)
		return view_lookup(v, view_shown(v, parent), name, ret);
	if (strlen(name) > META_NAME_MAX)
		return -ENAMETOOLONG;
	rc = dir_lookup(v, parent, name, &in);
	if (rc == -ENOENT && versions)
		return lookup_versions(v, parent, ret);
	if (!rc)
		rc = fill_entry(v, &in, ret);
	if (!rc)
		ret->ttl_ns = dir_ttl_ns(v, parent, &in);
	return rc;
}

int vfs_getattr(struct vfs *v, uint64_t ino, struct stat *ret_st)
{
	bool capable;

	return vfs_getattr_capable(v, ino, ret_st, &capable);
}

int vfs_getattr_capable(struct vfs *v, uint64_t ino, struct stat *ret_st,
			bool *ret_capable)
{
	struct meta_inode in;
	int rc;

	*ret_capable = false;
	if (view_owns(view_shown(v, ino)))
		return view_getattr(v, view_shown(v, ino), ret_st);
	if (ino == VFS_CONTROL_INO) {
		control_stat(v, ret_st);
		return 0;
	}
	rc = dir_inode(v, ino, &in);
	if (rc)
		return rc;
	content_stat(v, &in, ret_st);
	*ret_capable = in.flags & META_I_CAPABLE;
	return 0;
}

int64_t vfs_attr_ttl_ns(struct vfs *v, uint64_t ino, const struct stat *st,
			int64_t ttl_ns)
{
	return S_ISDIR(st->st_mode) && view_follows(v, view_shown(v, ino))
		       ? 0
		       : ttl_ns;
}

int vfs_setattr(struct vfs *v, uint64_t ino, const struct stat *st,
		unsigned set, struct stat *ret_st)
{
	struct meta_inode in;
	int rc;

	if (ino == VFS_CONTROL_INO) {
		/* `>` truncates before it writes a command. */
		if (set & ~(unsigned)(VFS_SET_SIZE | VFS_SET_MTIME |
				      VFS_SET_MTIME_NOW))
			return -EPERM;
		control_stat(v, ret_st);
		return 0;
	}
	rc = check_change(v, ino);
	if (!rc && (set & VFS_SET_SIZE)) {
		rc = file_truncate(v, ino, (uint64_t)st->st_size);
		/* It has set the time. */
		set &= ~(unsigned)(VFS_SET_SIZE | VFS_SET_MTIME_NOW);
	}
	if (!rc)
		rc = tree_setattr(v, ino, st, set, &in);
	rc = kept(v, rc);
	if (!rc)
		content_stat(v, &in, ret_st);
	return rc;
}

int vfs_readlink(struct vfs *v, uint64_t ino, struct buf *target)
{
	if (view_owns(ino))
		return view_readlink(v, ino, target);
	return tree_readlink(v, ino, target);
}

static int make(struct vfs *v, uint64_t parent, const char *name, uint32_t mode,
		uint64_t rdev, const char *target, const struct vfs_caller *who,
		struct vfs_entry *ret)
{
	struct meta_inode in;
	int rc = check_change(v, parent);

	if (!rc)
		rc = tree_make(v, parent, name, mode, rdev, target, who, &in);
	if (rc)
		return rc;
	rc = kept(v, 0);
	return rc ? rc : fill_entry(v, &in, ret);
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
	if (view_owns(parent) && !v->config.read_only)
		return view_mkdir(v, parent, name, ret);
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
	struct meta_inode in;
	int rc = check_change(v, parent);

	if (!rc)
		rc = check_writable(v, ino);
	if (!rc)
		rc = tree_link(v, ino, parent, name, &in);
	if (rc)
		return rc;
	rc = kept(v, 0);
	return rc ? rc : fill_entry(v, &in, ret);
}

int vfs_unlink(struct vfs *v, uint64_t parent, const char *name)
{
	int rc = check_writable(v, parent);

	if (view_owns(parent))
		return v->config.read_only ? rc : view_unlink(v, parent, name);
	if (!rc)
		rc = check_name(v, parent, name);
	return kept(v, rc ? rc : tree_unlink(v, parent, name));
}

int vfs_rmdir(struct vfs *v, uint64_t parent, const char *name)
{
	int rc = check_writable(v, parent);

	if (view_owns(parent))
		return v->config.read_only ? rc : view_rmdir(v, parent, name);
	if (!rc)
		rc = check_name(v, parent, name);
	return kept(v, rc ? rc : tree_rmdir(v, parent, name));
}

/* Where the bucket must have what was before, it gets it; then it can be. */
static int rename_synced(struct vfs *v, uint64_t parent, const char *name,
			 uint64_t new_parent, const char *new_name,
			 unsigned flags)
{
	uint64_t left;

	for (int tries = 0;; tries++) {
		int rc = tree_rename(v, parent, name, new_parent, new_name,
				     flags);

		if (rc != -EAGAIN)
			return rc;
		rc = tries < RENAME_TRIES ? syncer_sync_all(v, "", &left)
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
	return kept(v, rc);
}

int vfs_fsyncdir(struct vfs *v, uint64_t ino)
{
	char path[META_KEY_MAX + 1];
	uint64_t left;
	int rc;

	if (view_owns(ino))
		return 0;
	if (v->config.fsync_local)
		return meta_sync(v->meta);
	rc = meta_lock(v->meta);
	if (rc)
		return rc;
	rc = meta_path(v->meta, ino, NULL, path);
	meta_unlock(v->meta);
	if (!rc)
		rc = syncer_sync_all(v, path, &left);
	else if (rc == -ESTALE)
		rc = 0; /* it was removed: nothing has a key in it */
	return rc ? rc : meta_sync(v->meta);
}

int vfs_statfs(struct vfs *v, struct statvfs *st)
{
	capacity_read(v, st);
	return 0;
}

int vfs_getxattr(struct vfs *v, uint64_t ino, const char *name,
		 struct buf *value)
{
	if (ino == META_ROOT_INO && !strcmp(name, CONTROL_VERSIONS_XATTR))
		return v->config.versions == VFS_VERSIONS_OFF
			       ? -ENODATA
			       : buf_puts(value, v->config.versions_name);
	if (ino == META_ROOT_INO && !strcmp(name, CONTROL_READ_ONLY_XATTR))
		return v->config.read_only ? buf_puts(value, "1") : -ENODATA;
	ino = view_shown(v, ino);
	if (view_owns(ino))
		return view_getxattr(v, ino, name, value);
	return ino == VFS_CONTROL_INO ? -ENODATA
				      : tree_getxattr(v, ino, name, value);
}

int vfs_setxattr(struct vfs *v, uint64_t ino, const char *name,
		 const void *value, size_t size, int flags)
{
	int rc = check_change(v, ino);

	if (ino == VFS_CONTROL_INO)
		return -EOPNOTSUPP; /* upon which cp -p sets a mode */
	if (!rc)
		rc = tree_setxattr(v, ino, name, value, size, flags);
	return kept(v, rc);
}

int vfs_listxattr(struct vfs *v, uint64_t ino, struct buf *names)
{
	ino = view_shown(v, ino);
	if (view_owns(ino))
		return view_listxattr(v, ino, names);
	return ino == VFS_CONTROL_INO ? 0 : tree_listxattr(v, ino, names);
}

int vfs_removexattr(struct vfs *v, uint64_t ino, const char *name)
{
	int rc = check_writable(v, ino);

	return kept(v, rc ? rc : tree_removexattr(v, ino, name));
}
