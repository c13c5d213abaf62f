/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every room needs of the mount: keys and names in it, the server's time,
 * what the kernel is told.
 */
#include "vers3/vfs/mount.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/store/metrics.h"
#include "vers3/util/clock.h"
#include "vers3/vfs/link_id.h"

#define CLOCK_SLACK_NS (2 * NS_PER_S)
/* A mount begins with clocks that agree: this is no clock's running off. */
#define CLOCK_SKEW_MAX_NS (24 * 3600 * NS_PER_S)

void mount_inval_inode(struct vfs *v, uint64_t ino)
{
	if (v->notify.inval_inode)
		v->notify.inval_inode(v->notify.ctx, ino);
}

void mount_inval_entry(struct vfs *v, uint64_t parent, const char *name)
{
	if (v->notify.inval_entry)
		v->notify.inval_entry(v->notify.ctx, parent, name);
}

bool mount_is_own_name(const struct vfs *v, const char *name)
{
	return !strcmp(name, VFS_OWN_NAME) || mount_is_versions_name(v, name);
}

void mount_inval_flush(struct vfs *v)
{
	if (v->notify.flush)
		v->notify.flush(v->notify.ctx);
}

bool mount_takes_changes(const struct vfs *v)
{
	return !v->config.read_only &&
	       !(v->notify.read_only && v->notify.read_only(v->notify.ctx));
}

bool mount_is_versions_name(const struct vfs *v, const char *name)
{
	return *name && !strcmp(name, v->config.versions_name);
}

bool mount_is_control_name(const struct vfs *v, const char *name)
{
	return *name && !strcmp(name, v->config.control_name);
}

bool mount_is_history(const struct vfs *v, const char *path)
{
	char name[META_NAME_MAX + 1];
	size_t len = strcspn(path, "/");

	if (!path[len] || len > META_NAME_MAX)
		return false;
	memcpy(name, path, len);
	name[len] = '\0';
	return mount_is_own_name(v, name);
}

int mount_key(const struct vfs *v, const char *path, char *buf)
{
	size_t head = strlen(v->config.prefix), len = strlen(path);

	if (head + len > META_KEY_MAX)
		return -ENAMETOOLONG;
	memcpy(buf, v->config.prefix, head);
	memcpy(buf + head, path, len + 1);
	return 0;
}

int mount_child_path(const char *dir, const char *name, char *buf)
{
	size_t dir_len = strlen(dir), len = strlen(name);
	size_t head = dir_len ? dir_len + 1 : 0;

	if (head + len > META_KEY_MAX)
		return -ENAMETOOLONG;
	if (dir_len) {
		memcpy(buf, dir, dir_len);
		buf[dir_len] = '/';
	}
	memcpy(buf + head, name, len + 1);
	return 0;
}

int64_t mount_server_now_ns(struct vfs *v)
{
	struct metrics_snapshot m = {.clock_skew_ns = 0};

	if (v->metrics)
		metrics_store_read(v->metrics, &m);
	if (llabs(m.clock_skew_ns) < CLOCK_SLACK_NS ||
	    llabs(m.clock_skew_ns) > CLOCK_SKEW_MAX_NS)
		return clock_real_ns();
	return clock_real_ns() + m.clock_skew_ns;
}

void mount_stat(const struct meta_inode *in, struct stat *ret_st)
{
	memset(ret_st, 0, sizeof(*ret_st));
	ret_st->st_ino = in->ino;
	ret_st->st_mode = in->mode;
	ret_st->st_nlink = link_count(in);
	/* 1 says that nobody has counted what is in it. */
	if (S_ISDIR(in->mode) && in->nlink && !(in->flags & META_I_LISTED))
		ret_st->st_nlink = 1;
	ret_st->st_uid = in->uid;
	ret_st->st_gid = in->gid;
	ret_st->st_rdev = in->rdev;
	ret_st->st_size = S_ISDIR(in->mode) ? 4096 : (off_t)in->size_bytes;
	ret_st->st_blksize = 1 << 20;
	ret_st->st_blocks = (ret_st->st_size + 511) / 512;
	ret_st->st_mtim = clock_timespec(in->mtime_ns);
	ret_st->st_ctim = clock_timespec(in->ctime_ns);
	ret_st->st_atim = clock_timespec(in->atime_ns);
}

void mount_stat_data(const struct meta_inode *in, uint64_t data_bytes,
		     struct stat *ret_st)
{
	mount_stat(in, ret_st);
	if (S_ISREG(in->mode))
		ret_st->st_blocks = (blkcnt_t)((data_bytes + 511) / 512);
}
