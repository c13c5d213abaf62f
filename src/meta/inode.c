/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inode records, and the list of orphans. A record is about a hundred bytes
 * for a file without a version; the version's strings come on top.
 */
#include "vers3/meta/inode.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "vers3/meta/extent.h"
#include "vers3/meta/holes.h"
#include "vers3/meta/record.h"

void meta_fill_in(const struct meta *m, uint32_t lacks, uint32_t *mode,
		  uint32_t *uid, uint32_t *gid)
{
	const struct meta_defaults *def = meta_get_defaults(m);

	if (lacks & META_I_LACKS_MODE)
		*mode = (*mode & S_IFMT) |
			(S_ISDIR(*mode) ? def->dir_mode : def->file_mode);
	if (lacks & META_I_LACKS_UID)
		*uid = def->uid;
	if (lacks & META_I_LACKS_GID)
		*gid = def->gid;
}

bool meta_is_version_id(const char *id)
{
	return id && id[0] && strcmp(id, "null") != 0;
}

bool meta_inode_is_base(const struct meta_inode *inode)
{
	return !(inode->flags & META_I_STAGED) && inode->base.key[0] &&
	       inode->base_bytes == inode->base.size_bytes &&
	       inode->base_bytes == inode->size_bytes;
}

int meta_inode_get(struct meta *m, uint64_t ino, struct meta_inode *ret)
{
	struct record_reader r;
	unsigned char key[8];
	struct meta_inode inode;
	struct meta_val val;
	int rc;

	meta_be64(key, ino);
	rc = meta_get(m, META_INODE, key, sizeof(key), &val);
	if (rc)
		return rc;
	r = record_read(&val);
	inode.ino = ino;
	inode.mode = record_get_u32(&r);
	inode.uid = record_get_u32(&r);
	inode.gid = record_get_u32(&r);
	inode.nlink = record_get_u32(&r);
	inode.flags = record_get_u32(&r);
	inode.rdev = record_get_u64(&r);
	inode.size_bytes = record_get_u64(&r);
	inode.mtime_ns = (int64_t)record_get_u64(&r);
	inode.ctime_ns = (int64_t)record_get_u64(&r);
	inode.atime_ns = (int64_t)record_get_u64(&r);
	inode.change = record_get_u64(&r);
	inode.data_change = record_get_u64(&r);
	inode.base_bytes = record_get_u64(&r);
	inode.listed_ns = (int64_t)record_get_u64(&r);
	record_get_str(&r, inode.link_id, sizeof(inode.link_id));
	record_get_version(&r, &inode.base, NULL);
	rc = record_end(&r);
	if (rc)
		return rc;
	meta_fill_in(m, inode.flags, &inode.mode, &inode.uid, &inode.gid);
	*ret = inode;
	return 0;
}

int meta_inode_put(struct meta *m, const struct meta_inode *inode)
{
	struct record_writer w;
	unsigned char key[8];

	w.len = 0;
	w.bad = false;
	record_put_u32(&w, inode->mode);
	record_put_u32(&w, inode->uid);
	record_put_u32(&w, inode->gid);
	record_put_u32(&w, inode->nlink);
	record_put_u32(&w, inode->flags);
	record_put_u64(&w, inode->rdev);
	record_put_u64(&w, inode->size_bytes);
	record_put_u64(&w, (uint64_t)inode->mtime_ns);
	record_put_u64(&w, (uint64_t)inode->ctime_ns);
	record_put_u64(&w, (uint64_t)inode->atime_ns);
	record_put_u64(&w, inode->change);
	record_put_u64(&w, inode->data_change);
	record_put_u64(&w, inode->base_bytes);
	record_put_u64(&w, (uint64_t)inode->listed_ns);
	record_put_str(&w, inode->link_id, sizeof(inode->link_id));
	record_put_version(&w, &inode->base, NULL);
	if (w.bad)
		return -EINVAL;
	meta_be64(key, inode->ino);
	return meta_put(m, META_INODE, key, sizeof(key), w.data, w.len);
}

int meta_inode_del(struct meta *m, uint64_t ino)
{
	unsigned char key[8];
	int rc;

	rc = meta_xattr_clear(m, ino);
	if (rc)
		return rc;
	rc = meta_extent_clear(m, ino);
	if (rc)
		return rc;
	rc = meta_head_del(m, ino);
	if (rc && rc != -ENOENT)
		return rc;
	rc = meta_tags_del(m, ino);
	if (rc && rc != -ENOENT)
		return rc;
	rc = meta_holes_del(m, ino);
	if (rc)
		return rc;
	meta_be64(key, ino);
	return meta_del(m, META_INODE, key, sizeof(key));
}

int meta_orphan_add(struct meta *m, uint64_t ino)
{
	unsigned char key[8];

	meta_be64(key, ino);
	return meta_put(m, META_ORPHAN, key, sizeof(key), "", 0);
}

int meta_orphan_del(struct meta *m, uint64_t ino)
{
	unsigned char key[8];

	meta_be64(key, ino);
	return meta_del(m, META_ORPHAN, key, sizeof(key));
}

/* The first number > after in a table that has inodes for keys. */
static int next_ino(struct meta *m, enum meta_table table, uint64_t after,
		    uint64_t *ret_ino)
{
	unsigned char key[META_KEY_BUF];
	size_t len;
	int rc;

	meta_be64(key, after);
	rc = meta_seek(m, table, key, 8, 0, true, key, &len, NULL);
	if (rc)
		return rc;
	if (len != 8)
		return -EIO;
	*ret_ino = meta_from_be64(key);
	return 0;
}

int meta_inode_next(struct meta *m, uint64_t after, uint64_t *ret_ino)
{
	return next_ino(m, META_INODE, after, ret_ino);
}

int meta_orphan_next(struct meta *m, uint64_t after, uint64_t *ret_ino)
{
	return next_ino(m, META_ORPHAN, after, ret_ino);
}

int meta_gone_add(struct meta *m, uint64_t ino, const char *path)
{
	unsigned char key[8];

	meta_be64(key, ino);
	return meta_put(m, META_GONE, key, sizeof(key), path, strlen(path));
}

int meta_gone_del(struct meta *m, uint64_t ino)
{
	unsigned char key[8];

	meta_be64(key, ino);
	return meta_del(m, META_GONE, key, sizeof(key));
}

int meta_gone_next(struct meta *m, uint64_t after, uint64_t *ret_ino,
		   char *ret_path)
{
	unsigned char key[META_KEY_BUF];
	struct meta_val val;
	size_t len;
	int rc;

	meta_be64(key, after);
	rc = meta_seek(m, META_GONE, key, 8, 0, true, key, &len, &val);
	if (rc)
		return rc;
	if (len != 8 || val.size > META_KEY_MAX)
		return -EIO;
	*ret_ino = meta_from_be64(key);
	memcpy(ret_path, val.data, val.size);
	ret_path[val.size] = '\0';
	return 0;
}
